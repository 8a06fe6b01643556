import { parentPort } from 'node:worker_threads';

import { get_encoding } from 'tiktoken';
import type { Tiktoken } from 'tiktoken';

import type { EncodingName } from './encoding.ts';
import { piecesOf } from './pieces.ts';

export interface CountJob {
  readonly id: number;
  readonly texts: readonly string[];
  readonly encoding: EncodingName;
}

export interface CountResult {
  readonly id: number;
  readonly tokens: number;
}

interface RunningJob {
  readonly id: number;
  readonly encoding: Tiktoken;
  readonly pieces: Generator<string, void, undefined>;
  tokens: number;
}

/** Pieces of one job before it is another job's turn: a few milliseconds. */
const PIECES_PER_TURN = 40;

const encodings = new Map<EncodingName, Tiktoken>();
const jobs: RunningJob[] = [];

function encodingOf(name: EncodingName): Tiktoken {
  const known = encodings.get(name);
  if (known !== undefined) return known;
  // Never freed: the WASM heap does not shrink, and loading takes half a second.
  const encoding = get_encoding(name);
  encodings.set(name, encoding);
  return encoding;
}

function* allPieces(texts: readonly string[]): Generator<string, void, undefined> {
  for (const text of texts) yield* piecesOf(text);
}

function turn(): void {
  const job = jobs.shift();
  if (job === undefined) return;
  if (isFinished(job)) parentPort?.postMessage({ id: job.id, tokens: job.tokens });
  else jobs.push(job);
  if (jobs.length > 0) setImmediate(turn);
}

function isFinished(job: RunningJob): boolean {
  for (let count = 0; count < PIECES_PER_TURN; count += 1) {
    const piece = job.pieces.next();
    if (piece.done === true) return true;
    // `ordinary`: what looks like a special token is text.
    job.tokens += job.encoding.encode_ordinary(piece.value).length;
  }
  return false;
}

parentPort?.on('message', ({ id, texts, encoding }: CountJob) => {
  jobs.push({ id, encoding: encodingOf(encoding), pieces: allPieces(texts), tokens: 0 });
  if (jobs.length === 1) setImmediate(turn);
});
