import { isObject } from '../../openai/json-object.ts';
import type { Refusal } from '../refusal.ts';
import { UpstreamFailure } from '../upstream.ts';
import { cashuToken, codeOf, messageOf, msatOf } from './node-client.ts';

/** What a node's refusal means for our money there. */
export interface PaymentRefusal {
  /** What the router is told: never anything of the node's about money. */
  readonly failure: UpstreamFailure;
  /** The node may have charged something. */
  readonly isUnclear: boolean;
  /** It does not take the token, or not any more. */
  readonly isTokenRefused: boolean;
  /** It says that the token, which it had, is spent. */
  readonly isTokenSpent: boolean;
  /** What it wants to have at least before it serves such a request, msat. */
  readonly neededMsat: bigint | undefined;
  /** Our token, or change of it. */
  readonly change: string | undefined;
}

/** Codes and types by which nodes refuse a token, but never a request. */
const ABOUT_TOKEN =
  /^(?:cashu_|token_already_spent|token_consumed|invalid_cashu|invalid_token|invalid_api_key|key_|mint_|change_)/;

/** Reads a refusal. Whatever is about the payment is ours: to the router it looks like empty pockets (402). */
export function readPaymentRefusal({ failure, json }: Refusal): PaymentRefusal {
  const status = failure.status ?? 0;
  const isTokenRefused = status === 401 || (status < 500 && isAboutToken(json));
  const isPayment = isTokenRefused || status === 402;
  return {
    failure: isPayment ? emptyPockets(failure) : failure,
    isUnclear: status >= 500,
    isTokenRefused,
    isTokenSpent: isTokenRefused && /spent|consumed/.test(`${codeOf(json)} ${typeOf(json)}`),
    neededMsat: status === 402 ? neededIn(json) : undefined,
    change: changeIn(json),
  };
}

function emptyPockets(cause: UpstreamFailure): UpstreamFailure {
  return new UpstreamFailure('status', 'the node does not take our payment', {
    status: 402,
    cause,
  });
}

function isAboutToken(json: unknown): boolean {
  return ABOUT_TOKEN.test(codeOf(json) ?? '') || ABOUT_TOKEN.test(typeOf(json));
}

function typeOf(json: unknown): string {
  const error = isObject(json) ? json['error'] : undefined;
  const type = isObject(error) ? error['type'] : undefined;
  return typeof type === 'string' ? type : '';
}

/** Core says it in words, or in `detail`. */
function neededIn(json: unknown): bigint | undefined {
  const words = /\b(\d{1,15}) mSats required/i.exec(messageOf(json))?.[1];
  if (words !== undefined) return BigInt(words);
  const detail = isObject(json) ? json['detail'] : undefined;
  return isObject(detail) ? msatOf(detail['amount_required_msat']) : undefined;
}

/** `x_cashu` of nutroute's errors, `error.refund_token` of core's. */
function changeIn(json: unknown): string | undefined {
  if (!isObject(json)) return undefined;
  const { error, x_cashu: change } = json;
  return cashuToken(change) ?? (isObject(error) ? cashuToken(error['refund_token']) : undefined);
}
