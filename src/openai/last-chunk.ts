import type { CostFields } from './cost-fields.ts';

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
}

const DONE = 'data: [DONE]\n\n';

/** The last bytes of a stream: one chunk without choices that tells usage, cost and change, then `[DONE]`. */
export function lastChunk({ meta, usage, cost, xCashu }: StreamEnd): Buffer {
  const chunk = {
    id: meta.id,
    object: 'chat.completion.chunk',
    created: meta.created,
    model: meta.model,
    choices: [],
    usage: { ...usage, ...cost },
    ...(xCashu === undefined ? {} : { x_cashu: xCashu }),
  };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n${DONE}`);
}
