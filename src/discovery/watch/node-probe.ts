import { readModels } from '../../openai/model-list.ts';
import type { ListedModel } from '../../openai/model-list.ts';
import { readInfo } from './node-info.ts';
import type { NodeInfo } from './node-info.ts';

/** Reads JSON from an announced address, bounded; the guard does. Rejects when no such answer comes. */
export interface NodeReader {
  getJson(
    url: string,
    limits: { readonly maxBytes: number; readonly timeoutMs: number; readonly etag?: string },
  ): Promise<{
    readonly status: number;
    readonly json: unknown;
    readonly etag: string | undefined;
  }>;
}

export type InfoAnswer =
  /** `info` undefined: it lives, but does not say who it is. */
  | { readonly kind: 'answered'; readonly info: NodeInfo | undefined }
  /** There is a server, but not of a node. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: unknown };

export type ModelsAnswer =
  | {
      readonly kind: 'list';
      readonly models: readonly ListedModel[];
      readonly etag: string | undefined;
    }
  /** Still the list of `etag`. */
  | { readonly kind: 'same' }
  | { readonly kind: 'failed'; readonly why: unknown };

const INFO_LIMITS = { maxBytes: 64 * 1024, timeoutMs: 8000 };
const MODELS_LIMITS = { maxBytes: 4 * 1024 * 1024, timeoutMs: 15_000 };

/** Asks who is there. Never rejects. */
export async function askInfo(reader: NodeReader, url: string): Promise<InfoAnswer> {
  try {
    const { status, json } = await reader.getJson(`${url}/v1/info`, INFO_LIMITS);
    if (status === 402) return { kind: 'answered', info: undefined };
    if (status === 404 || status === 410) return { kind: 'missing' };
    const info = status === 200 ? readInfo(json) : undefined;
    return info === undefined
      ? { kind: 'failed', why: `status ${status}` }
      : { kind: 'answered', info };
  } catch (why) {
    return { kind: 'failed', why };
  }
}

/** Asks what it sells; `etag`: of the list that is held. Never rejects. */
export async function askModels(
  reader: NodeReader,
  url: string,
  etag: string | undefined,
): Promise<ModelsAnswer> {
  try {
    const limits = etag === undefined ? MODELS_LIMITS : { ...MODELS_LIMITS, etag };
    const answer = await reader.getJson(`${url}/v1/models`, limits);
    if (answer.status === 304 && etag !== undefined) return { kind: 'same' };
    if (answer.status !== 200) return { kind: 'failed', why: `status ${answer.status}` };
    return { kind: 'list', models: readModels(answer.json), etag: answer.etag };
  } catch (why) {
    return { kind: 'failed', why };
  }
}
