import type { Cancel } from '../../lib/cancel.ts';
import { openExchange } from '../exchange.ts';
import type { Exchange, ExchangeRequest } from '../exchange.ts';
import type { RequestHeaders } from '../headers.ts';
import type { Observation } from '../observation.ts';
import { readRefusal } from '../refusal.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { ForwardRequest, UpstreamAnswer } from '../upstream.ts';
import type { AccountKind } from './account-row.ts';
import type { Asks } from './asks.ts';
import { boughtAnswer } from './bought-answer.ts';
import { countImages } from './expected-charge.ts';
import { cashuToken, credentialHeaders } from './node-client.ts';
import type { NodeWay } from './node-client.ts';
import { readPaymentRefusal } from './payment-refusal.ts';
import type { PriceCheck } from './price-check.ts';
import type { NodePurse } from './purchases.ts';
import type { Deal } from './settlement.ts';
import { tellFailure } from './tell-failure.ts';

export interface Shop {
  readonly way: NodeWay;
  readonly headers: RequestHeaders;
  readonly kind: AccountKind;
  readonly purse: NodePurse;
  readonly asks: Asks;
  readonly check: PriceCheck;
  readonly observe: (observation: Observation) => void;
}

const HOPS_HEADER = 'x-nutroute-hops';

/**
 * Pays a node and sends it one request. Where it wants to see more on the account than that, and there is more, it is tried
 * once again. Rejects with UpstreamFailure; what was paid is settled in any case.
 */
export async function buyAnswer(
  shop: Shop,
  request: ForwardRequest,
  cancel: Cancel,
): Promise<UpstreamAnswer> {
  const { asks, purse } = shop;
  const { model, maxCost } = request;
  const askedBefore = asks.of(model, maxCost);
  try {
    return await tryOnce(shop, request, cancel);
  } catch (error) {
    const asked = asks.of(model, maxCost);
    const isShort = error instanceof UpstreamFailure && error.status === 402 && asked > askedBefore;
    if (!isShort) tellFailure(shop, error);
    // Shown more it might serve: what we may not or need not show it is no failure of its own.
    if (!isShort || cancel.cancelled || purse.affordable() < asked) throw error;
  }
  try {
    return await tryOnce(shop, request, cancel);
  } catch (error) {
    tellFailure(shop, error);
    throw error;
  }
}

async function tryOnce(
  shop: Shop,
  request: ForwardRequest,
  cancel: Cancel,
): Promise<UpstreamAnswer> {
  const { purse, asks, check } = shop;
  const { model, maxCost, cost, body, stream } = request;
  const held = asks.of(model, maxCost);
  const account = await purse.rent(held);
  const images = countImages(body);
  const prices = check.prices(model);
  const isUncounted = false;
  const deal: Deal = { account, held, maxCost, model, prices, cost, images, isUncounted };
  request.onBilled?.((charge) => purse.billed(deal, charge));
  if (cancel.cancelled) {
    purse.unsent(deal);
    // Not `cancelled`: who left meanwhile does not owe the input of a request that nobody had.
    throw new UpstreamFailure('unaffordable', 'given up');
  }
  const exchange = await open(shop, deal, { request, cancel });
  if (exchange.status !== 200) throw await refusalOf(shop, deal, { exchange, request });
  return boughtAnswer(exchange, stream, {
    cancel,
    onEnd: (ending) => purse.ended(deal, ending),
  });
}

async function open(
  { way, headers, kind, purse }: Shop,
  deal: Deal,
  { request, cancel }: { readonly request: ForwardRequest; readonly cancel: Cancel },
): Promise<Exchange> {
  const { stream, body, firstByteTimeoutMs, hops } = request;
  const call: ExchangeRequest = {
    method: 'POST',
    path: `${way.path}/chat/completions`,
    headers: {
      ...(stream ? headers.stream : headers.json),
      ...credentialHeaders(kind, deal.account.token),
      [HOPS_HEADER]: String(hops + 1),
    },
    body,
    firstByteTimeoutMs,
  };
  try {
    return await openExchange(way.link, call, cancel);
  } catch (error) {
    purse.failed(deal, error);
    throw error;
  }
}

async function refusalOf(
  { way, purse, asks }: Shop,
  deal: Deal,
  { exchange, request }: { readonly exchange: Exchange; readonly request: ForwardRequest },
): Promise<UpstreamFailure> {
  const { token } = deal.account;
  const refusal = readPaymentRefusal(await readRefusal(way.link, exchange, [token]));
  const { neededMsat, failure } = refusal;
  if (neededMsat !== undefined && neededMsat > deal.held)
    asks.learn(request.model, request.maxCost, neededMsat);
  const change = cashuToken(exchange.headers['x-cashu']) ?? refusal.change;
  purse.refused(deal, { ...refusal, change });
  return failure;
}
