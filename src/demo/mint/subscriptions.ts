import { isRecord, listOf, parseJson, textOf } from '../json.ts';
import type { MintCore } from './core.ts';
import { proofStateBody } from './endpoints.ts';
import { meltQuoteBody } from './melt-quotes.ts';
import { mintQuoteBody } from './mint-quotes.ts';
import type { Change } from './state.ts';
import type { WebSocketEnd, WebSocketHandlers } from './websocket.ts';

const KINDS = ['bolt11_mint_quote', 'bolt11_melt_quote', 'proof_state'] as const;
type Kind = (typeof KINDS)[number];

interface Subscription {
  readonly kind: Kind;
  readonly filters: ReadonlySet<string>;
}

interface Client {
  readonly end: WebSocketEnd;
  readonly subscriptions: Map<string, Subscription>;
}

const MAX_SUBSCRIPTIONS = 100;
const MAX_FILTERS = 1000;

/** NUT-17: the handlers of one more connection. Each subscription gets the present state first, then every change. */
export function createSubscriptions(core: MintCore): (end: WebSocketEnd) => WebSocketHandlers {
  const clients = new Set<Client>();
  core.state.onCommit((change) => {
    for (const client of clients) {
      for (const [subId, subscription] of client.subscriptions) {
        const changed = changedOf(change, subscription.kind);
        notify(client.end, subId, payloadsOf(core, subscription, changed));
      }
    }
  });
  return (end) => {
    const client: Client = { end, subscriptions: new Map() };
    clients.add(client);
    return {
      onMessage: (text) => answer(core, client, text),
      onClose: () => clients.delete(client),
    };
  };
}

function answer(core: MintCore, client: Client, text: string): void {
  const call = parseJson(text);
  const { id = null, method, params } = isRecord(call) ? call : {};
  const given = isRecord(params) ? params : {};
  const subId = textOf(given['subId']);
  if (subId === undefined) return fail(client.end, id, 'subId is missing');
  if (method === 'unsubscribe') {
    client.subscriptions.delete(subId);
    return succeed(client.end, id, subId);
  }
  const kind = KINDS.find((known) => known === given['kind']);
  const filters = listOf(given['filters'])?.flatMap((filter) => textOf(filter) ?? []);
  if (method !== 'subscribe' || kind === undefined || filters === undefined) {
    return fail(client.end, id, 'not understood');
  }
  if (filters.length > MAX_FILTERS || client.subscriptions.size >= MAX_SUBSCRIPTIONS) {
    return fail(client.end, id, 'too many subscriptions');
  }
  const subscription = { kind, filters: new Set(filters) };
  client.subscriptions.set(subId, subscription);
  succeed(client.end, id, subId);
  notify(client.end, subId, payloadsOf(core, subscription, filters));
}

function changedOf(change: Change, kind: Kind): readonly string[] {
  if (kind === 'bolt11_mint_quote') return (change.mintQuotes ?? []).map(({ quote }) => quote);
  if (kind === 'bolt11_melt_quote') return (change.meltQuotes ?? []).map(({ quote }) => quote);
  const spent = (change.spent ?? []).map(({ Y }) => Y);
  return [...new Set([...spent, ...(change.pending ?? []), ...(change.released ?? [])])];
}

function payloadsOf(
  core: MintCore,
  subscription: Subscription,
  keys: readonly string[],
): readonly object[] {
  const wanted = keys.filter((key) => subscription.filters.has(key));
  return wanted.flatMap((key) => {
    if (subscription.kind === 'proof_state') return [proofStateBody(core, key)];
    if (subscription.kind === 'bolt11_mint_quote') {
      const quote = core.state.mintQuotes.get(key);
      return quote === undefined ? [] : [mintQuoteBody(quote)];
    }
    const quote = core.state.meltQuotes.get(key);
    return quote === undefined ? [] : [meltQuoteBody(quote)];
  });
}

function notify(end: WebSocketEnd, subId: string, payloads: readonly object[]): void {
  for (const payload of payloads) {
    end.send(JSON.stringify({ jsonrpc: '2.0', method: 'subscribe', params: { subId, payload } }));
  }
}

function succeed(end: WebSocketEnd, id: unknown, subId: string): void {
  end.send(JSON.stringify({ jsonrpc: '2.0', result: { status: 'OK', subId }, id }));
}

function fail(end: WebSocketEnd, id: unknown, message: string): void {
  end.send(JSON.stringify({ jsonrpc: '2.0', error: { code: -32_600, message }, id }));
}
