import type { IncomingMessage, ServerResponse } from 'node:http';

import { listen, readBody } from '../../../src/demo/http-server.ts';
import { chat, chatWithToken } from './chat.ts';
import type { CoreParts } from './chat.ts';
import { openTill } from './till.ts';
import type { KeyAccount, Till } from './till.ts';
import { coreModel, refuse, sendJson } from './wire.ts';
import type { CorePrices } from './wire.ts';

/** A node that speaks as Routstr core 0.4.x does on the wire, built from its measured behaviour: nothing of nutroute's contract. */
export interface RoutstrCore extends AsyncDisposable {
  readonly url: string;
  readonly till: Till;
}

export interface RoutstrCoreOptions {
  readonly mintUrl: string;
  /** Of an OpenAI-compatible server that tells usage, up to and with `/v1`. */
  readonly upstreamUrl: string;
  readonly model: string;
  readonly prices: CorePrices;
  readonly npub?: string;
  readonly maxOutput?: number;
}

const MAX_BODY = 4_000_000;

export async function startRoutstrCore(options: RoutstrCoreOptions): Promise<RoutstrCore> {
  const till = await openTill(options.mintUrl);
  const maxOutput = options.maxOutput ?? 4_096;
  const parts: CoreParts = { ...options, till, maxOutput, paidByToken: new Map() };
  const listening = await listen((request, response) => {
    route(parts, request, response).catch((error: unknown) => {
      if (!response.headersSent) {
        sendJson(response, 500, { detail: 'Internal server error', cause: String(error) });
      } else response.destroy();
    });
  }, 0);
  return { url: listening.url, till, [Symbol.asyncDispose]: () => listening.close() };
}

async function route(
  parts: CoreParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').replace(/\?.*$/, '').replace('/v1/wallet', '/v1/balance');
  const body = (await readBody(request, MAX_BODY)) ?? '';
  const xCashu = headerOf(request, 'x-cashu');
  switch (`${request.method} ${path}`) {
    case 'GET /v1/models':
      return sendJson(response, 200, {
        data: [coreModel(parts.model, parts.prices, parts.maxOutput)],
      });
    case 'GET /v1/info':
      return sendJson(response, 200, infoOf(parts));
    case 'GET /v1/balance/info':
    case 'GET /v1/balance/':
      return balance(parts, request, response);
    case 'POST /v1/balance/topup':
      return topUp(parts, { request, response, body });
    case 'POST /v1/balance/refund':
      return xCashu === undefined
        ? refundKey(parts, request, response)
        : refundToken(parts, xCashu, response);
    case 'POST /v1/chat/completions': {
      if (xCashu !== undefined) return chatWithToken(parts, { token: xCashu, body }, response);
      const account = await accountOf(parts, request, response);
      if (account !== undefined) await chat(parts, { account, body }, response);
      return undefined;
    }
    default:
      return sendJson(response, 404, { detail: 'Not Found' });
  }
}

function infoOf({ mintUrl, npub }: CoreParts): object {
  return {
    name: 'Routstr Proxy',
    description: 'Privacy-preserving AI proxy via Nostr',
    version: '0.4.5',
    ...(npub === undefined ? {} : { npub }),
    mints: [mintUrl],
    http_url: '',
    onion_url: '',
    child_key_cost_msats: 1000,
  };
}

async function accountOf(
  parts: CoreParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<KeyAccount | undefined> {
  const credential = /^Bearer (.+)$/.exec(headerOf(request, 'authorization') ?? '')?.[1];
  if (credential === undefined) {
    sendJson(response, 401, { detail: 'Unauthorized' });
    return undefined;
  }
  try {
    const account = await parts.till.open(credential);
    if (account === undefined) throw new Error('Key not found');
    return account;
  } catch (error) {
    const isSpent = /spent/i.test(String(error));
    const type = isSpent ? 'token_already_spent' : 'invalid_request_error';
    const code = isSpent ? 'cashu_token_already_spent' : 'invalid_api_key';
    refuse(response, isSpent ? 400 : 401, { type, code, message: String(error) });
    return undefined;
  }
}

async function balance(
  parts: CoreParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const account = await accountOf(parts, request, response);
  if (account === undefined) return;
  const { key, balanceMsat, reservedMsat } = account;
  sendJson(response, 200, {
    api_key: key,
    balance: balanceMsat - reservedMsat,
    reserved: reservedMsat,
    is_child: false,
  });
}

async function topUp(
  parts: CoreParts,
  call: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly body: string;
  },
): Promise<void> {
  const account = await accountOf(parts, call.request, call.response);
  if (account === undefined) return;
  const { cashu_token: token } = JSON.parse(call.body) as { cashu_token: string };
  const msats = (await parts.till.redeem(token)) * 1000;
  account.balanceMsat += msats;
  sendJson(call.response, 200, { msats });
}

async function refundKey(
  parts: CoreParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const account = await accountOf(parts, request, response);
  if (account === undefined) return;
  if (account.reservedMsat > 0) {
    return sendJson(response, 400, {
      detail: 'Cannot refund key. There are ongoing requests for this api key.',
    });
  }
  const sats = Math.floor(account.balanceMsat / 1000);
  if (sats === 0) {
    if (account.refunded !== undefined) return sendJson(response, 200, account.refunded);
    return sendJson(response, 400, { detail: 'Balance too small to refund' });
  }
  // Debited before the token is made, and less than a sat is dropped.
  account.balanceMsat = 0;
  account.refunded = { token: await parts.till.pay(sats), sats: String(sats) };
  sendJson(response, 200, account.refunded);
}

function refundToken(parts: CoreParts, token: string, response: ServerResponse): void {
  const paid = parts.paidByToken.get(token);
  if (paid === undefined) return sendJson(response, 404, { detail: 'Refund not found' });
  if (paid.change === undefined) {
    return sendJson(response, 425, { detail: 'Refund pending' }, { 'retry-after': '2' });
  }
  const { token: change, sats } = paid.change;
  sendJson(response, 200, { token: change, sats }, { 'x-cashu': change });
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
