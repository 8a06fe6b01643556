import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

import { readBody, sendJson } from '../http-server.ts';
import { isRecord, listOf, parseJson, textOf } from '../json.ts';
import type { CallLog } from './call-log.ts';
import type { MintCore } from './core.ts';
import type { Endpoint } from './endpoints.ts';
import type { Fault, Faults } from './fault.ts';
import { MintError, ShapeError } from './mint-error.ts';

interface Reply {
  readonly status: number;
  readonly body: object;
}

export interface Answering {
  readonly core: MintCore;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly faults: Faults;
  readonly calls: CallLog;
  /** NUT-19: how long a 200 is repeated for the same bytes. */
  readonly cacheTtlS: number | undefined;
  /** Aborted when the mint closes: nothing may happen after it. */
  readonly closing: AbortSignal;
}

/** As cdk-mintd. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CACHED = 10_000;

/** Answers one HTTP call of a wallet, as well or as badly as the planned faults say. */
export function createAnswer(
  mint: Answering,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const execute = createExecutor(mint);
  return async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://mint').pathname;
    const method = request.method ?? 'GET';
    const text = await readBody(request, MAX_BODY_BYTES);
    mint.calls.add(method, path);
    if (text === undefined) {
      sendJson(response, 413, { detail: 'request too large' });
      return;
    }
    const fault = mint.faults.take(path);
    if (fault?.kind === 'delay') {
      await setTimeout(fault.ms ?? 0, undefined, { signal: mint.closing });
    }
    if (fault === undefined || fault.kind === 'delay') {
      const reply = execute(method, path, text);
      sendJson(response, reply.status, reply.body);
      return;
    }
    if (fault.kind === 'pending') parkInputs(mint.core, text);
    else if (fault.when === 'after') execute(method, path, text);
    misbehave(response, fault);
  };
}

function misbehave(response: ServerResponse, fault: Fault): void {
  switch (fault.kind) {
    case 'refuse': {
      const detail = fault.detail ?? 'refused on demand';
      const code = fault.code === undefined ? {} : { code: fault.code };
      sendJson(response, fault.status ?? 503, { detail, ...code });
      return;
    }
    case 'garble':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"signatures": [{"amount"');
      return;
    case 'drop':
    case 'pending':
      response.destroy();
      return;
    case 'hang':
    case 'delay':
  }
}

/** What a mint does that is killed between locking its inputs and signing. */
function parkInputs(core: MintCore, text: string): void {
  const body = parseJson(text);
  const inputs = isRecord(body) ? (listOf(body['inputs']) ?? []) : [];
  const pending = inputs.flatMap((input) => {
    const secret = isRecord(input) ? textOf(input['secret']) : undefined;
    if (secret === undefined) return [];
    const Y = Buffer.from(core.crypto.hashToCurve(Buffer.from(secret))).toString('hex');
    return core.state.spent.has(Y) ? [] : [Y];
  });
  core.state.commit({ pending });
}

function createExecutor(mint: Answering): (method: string, path: string, text: string) => Reply {
  const cached = new Map<string, { readonly reply: Reply; readonly untilS: number }>();
  const { cacheTtlS, core } = mint;

  return (method, path, text) => {
    const isCached = cacheTtlS !== undefined && CACHED.has(path);
    const key = createHash('sha256').update(`${path}\n${text}`).digest('hex');
    const known = isCached ? cached.get(key) : undefined;
    if (known !== undefined && known.untilS > core.nowS()) return known.reply;
    const reply = run(mint.endpoints, method, path, text);
    if (isCached && reply.status === 200) {
      const [oldest] = cached.keys();
      if (cached.size >= MAX_CACHED && oldest !== undefined) cached.delete(oldest);
      cached.set(key, { reply, untilS: core.nowS() + cacheTtlS });
    }
    return reply;
  };
}

const CACHED: ReadonlySet<string> = new Set(['/v1/mint/bolt11', '/v1/swap', '/v1/melt/bolt11']);

function run(
  endpoints: ReadonlyMap<string, Endpoint>,
  method: string,
  path: string,
  text: string,
): Reply {
  const at = path.lastIndexOf('/') + 1;
  const endpoint =
    endpoints.get(`${method} ${path}`) ?? endpoints.get(`${method} ${path.slice(0, at)}*`);
  if (endpoint === undefined) return { status: 404, body: { detail: 'Not Found' } };
  try {
    return { status: 200, body: endpoint(parseJson(text), path.slice(at)) };
  } catch (error) {
    if (error instanceof MintError) {
      return { status: 400, body: { detail: error.message, code: error.code } };
    }
    if (error instanceof ShapeError) return { status: 422, body: { detail: error.message } };
    throw error;
  }
}
