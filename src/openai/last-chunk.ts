import type { RouterError } from '../lib/errors.ts';
import { withoutCost } from './cost-fields.ts';
import type { CostFields } from './cost-fields.ts';
import { errorChunk } from './error-body.ts';

/** What every chunk of a stream repeats. */
export interface ChunkMeta {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
}

export interface StreamEnd {
  readonly meta: ChunkMeta;
  /** The upstream's usage object, or `usageFields` of our own count. */
  readonly usage: Readonly<Record<string, unknown>>;
  readonly cost: CostFields;
  /** A change token. */
  readonly xCashu?: string | undefined;
  /** How the answer broke off, if it did. It stands after the chunk: clients stop reading at an error. */
  readonly error?: RouterError | undefined;
}

const DONE = Buffer.from('data: [DONE]\n\n');

/** The last bytes of a stream: one chunk without choices that tells usage, cost and change, then `[DONE]`. */
export function lastChunk({ meta, usage, cost, xCashu, error }: StreamEnd): Buffer {
  const chunk = {
    id: meta.id,
    object: 'chat.completion.chunk',
    created: meta.created,
    model: meta.model,
    choices: [],
    usage: { ...withoutCost(usage), ...cost },
    ...(xCashu === undefined ? {} : { x_cashu: xCashu }),
  };
  const event = Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
  return Buffer.concat(error === undefined ? [event, DONE] : [event, errorChunk(error), DONE]);
}

/** The last bytes of a stream of which nothing more is known than that it failed. */
export function lastError(error: RouterError): Buffer {
  return Buffer.concat([errorChunk(error), DONE]);
}
