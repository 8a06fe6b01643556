import { createCancel } from '../lib/cancel.ts';
import { parseJson } from '../openai/json-object.ts';
import { readModels } from '../openai/model-list.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { openExchange } from './exchange.ts';
import type { Link } from './exchange.ts';
import { readRefusal } from './refusal.ts';
import { collect } from './small-body.ts';
import { UpstreamFailure } from './upstream.ts';

const LIMITS = { maxBytes: 16 * 1024 * 1024, timeoutMs: 15_000 };

export interface ModelListRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Blotted out of what is told of a refusal. */
  readonly secrets: readonly string[];
}

/** Asks a server for its models. Rejects with UpstreamFailure. */
export async function fetchModels(
  link: Link,
  { path, headers, secrets }: ModelListRequest,
): Promise<readonly ListedModel[]> {
  const request = {
    method: 'GET',
    path,
    headers,
    body: null,
    firstByteTimeoutMs: LIMITS.timeoutMs,
  } as const;
  const exchange = await openExchange(link, request, createCancel());
  if (exchange.status !== 200) throw (await readRefusal(link, exchange, secrets)).failure;
  const json = parseJson((await collect(link, exchange, LIMITS)).toString());
  if (json === undefined) throw new UpstreamFailure('protocol', 'the model list is no JSON');
  return readModels(json);
}
