import { createCancel } from '../../lib/cancel.ts';
import { isObject, parseJson } from '../../openai/json-object.ts';
import type { JsonObject } from '../../openai/json-object.ts';
import { openExchange } from '../exchange.ts';
import type { Link } from '../exchange.ts';
import { requestHeaders } from '../headers.ts';
import { collect } from '../small-body.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { AccountKind } from './account-row.ts';

/** How a node is reached; `path` goes up to and with `/v1`. */
export interface NodeWay {
  readonly link: Link;
  readonly path: string;
}

export interface NodeBalance {
  readonly kind: 'balance';
  /** Msat, with what is reserved for running requests. */
  readonly balanceMsat: bigint;
  readonly reservedMsat: bigint;
}

/**
 * `refused`: it does not take the token, in its words' code. `moving`: it waits for its mint's word on it. `unknown`: it tells
 * nothing, now or ever.
 */
export type InfoAnswer =
  | NodeBalance
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'moving' | 'unknown' };

/**
 * `later`: it is not ready, or did not answer. `over`: nothing is left there. `absent`: it has never seen the token, or has
 * forgotten it.
 */
export type RefundAnswer =
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'later'; readonly isAnswered: boolean }
  | { readonly kind: 'over' }
  | { readonly kind: 'absent' };

/** A request may wait for it. */
const TIMEOUT_MS = 5_000;
const LIMITS = { maxBytes: 256 * 1024, timeoutMs: TIMEOUT_MS };
const CALL_HEADERS = requestHeaders({}).list;
const MAX_JSON_MSAT = 2 ** 53;

/** Presents a token: as the key of a balance, or as the payment of one request. */
export function credentialHeaders(kind: AccountKind, token: string): Record<string, string> {
  if (kind === 'request') return { 'x-cashu': token };
  // Where the node knows no such mode, the balance stays in any case.
  return { authorization: `Bearer ${token}`, 'x-cashu-change': 'keep' };
}

/** What a node says that a token has. Never rejects. */
export async function askBalance(way: NodeWay, token: string): Promise<InfoAnswer> {
  const answer = await call(way, {
    method: 'GET',
    path: '/wallet/info',
    headers: credentialHeaders('balance', token),
  });
  if (answer === undefined) return { kind: 'unknown' };
  const { status, json } = answer;
  if (status === 400 || status === 401)
    return { kind: 'refused', code: codeOf(json) ?? String(status) };
  const balance = msatOf(json['balance']);
  if (status !== 200 || balance === undefined) return { kind: 'unknown' };
  if (MOVING.has(json['state'])) return { kind: 'moving' };
  const reservedMsat = msatOf(json['reserved']) ?? 0n;
  return { kind: 'balance', balanceMsat: balance + reservedMsat, reservedMsat };
}

/** What nutroute calls an account whose swap at the mint is not decided: its balance tells nothing until it is. */
const MOVING: ReadonlySet<unknown> = new Set(['redeeming', 'refunding', 'reclaiming']);

/** Calls back what is left of a token. Never rejects; may be asked as often as one likes. */
export async function askRefund(
  way: NodeWay,
  kind: AccountKind,
  token: string,
): Promise<RefundAnswer> {
  const headers = credentialHeaders(kind, token);
  const answer = await call(way, { method: 'POST', path: '/wallet/refund', headers });
  if (answer === undefined) return { kind: 'later', isAnswered: false };
  const { status, json } = answer;
  const later = { kind: 'later', isAnswered: true } as const;
  if (status === 200) {
    const text = cashuToken(json['token']);
    return text === undefined ? later : { kind: 'token', text };
  }
  if (status === 410) return { kind: 'over' };
  if (status === 400 && SAYS_OVER.test(messageOf(json))) return { kind: 'over' };
  if (status === 401 || status === 404) return { kind: 'absent' };
  return later;
}

/** A Cashu token, and nothing else: a node may put anything in its place. */
export function cashuToken(value: unknown): string | undefined {
  return typeof value === 'string' && TOKEN.test(value) ? value : undefined;
}

const TOKEN = /^cashu[AB][\w=+/-]{1,100000}$/;
/** nutroute and Routstr core say it with one status and different words. */
const SAYS_OVER = /no balance to refund|balance too small/i;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface CallAnswer {
  readonly status: number;
  readonly json: JsonObject;
}

async function call(
  way: NodeWay,
  { method, path, headers }: Call,
): Promise<CallAnswer | undefined> {
  const request = {
    method,
    path: `${way.path}${path}`,
    headers: { ...CALL_HEADERS, ...headers },
    body: null,
    firstByteTimeoutMs: TIMEOUT_MS,
  };
  try {
    const exchange = await openExchange(way.link, request, createCancel());
    const json = parseJson((await collect(way.link, exchange, LIMITS)).toString());
    return { status: exchange.status, json: isObject(json) ? json : {} };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return undefined;
  }
}

/** The `code` of an error, in any of the shapes that nodes use. */
export function codeOf(json: unknown): string | undefined {
  const code = errorIn(json)['code'];
  return typeof code === 'string' ? code : undefined;
}

export function messageOf(json: unknown): string {
  const { message } = errorIn(json);
  if (typeof message === 'string') return message;
  const detail = isObject(json) ? json['detail'] : undefined;
  return typeof detail === 'string' ? detail : '';
}

/** Routstr's error stands at the top, in `detail`, or is `detail`. */
function errorIn(json: unknown): JsonObject {
  if (!isObject(json)) return {};
  const { error, detail } = json;
  if (isObject(error)) return error;
  if (!isObject(detail)) return {};
  return isObject(detail['error']) ? detail['error'] : detail;
}

/** A whole number of msat; core's floats are cut. */
export function msatOf(value: unknown): bigint | undefined {
  const isAmount = typeof value === 'number' && value >= 0 && value <= MAX_JSON_MSAT;
  return isAmount ? BigInt(Math.floor(value)) : undefined;
}
