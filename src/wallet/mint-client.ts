import { hexOf } from '../lib/hex.ts';
import type { Breaker } from './breaker.ts';
import type { KeysetListing } from './keyset.ts';
import { failureOf, MintFailure } from './mint-failure.ts';
import { createMintHttp } from './mint-http.ts';
import type { MintRequest } from './mint-http.ts';
import {
  readInfo,
  readKeys,
  readKeysets,
  readObject,
  readRestored,
  readSignatures,
  readStates,
} from './mint-wire.ts';
import type { BlindSignature, MintInfo, ProofState } from './mint-wire.ts';

/** The HTTP API of one mint. Every method rejects with `MintFailure` and with nothing else; `unsent` also while its breaker is open. */
export interface MintClient {
  info(): Promise<MintInfo>;
  /** NUT-02. Keysets of versions we do not understand are left out. */
  keysets(): Promise<readonly KeysetListing[]>;
  /** NUT-01 keys of one keyset, amount to 33-byte key; not verified. */
  keys(id: string): Promise<ReadonlyMap<bigint, Uint8Array>>;
  /** NUT-03. Sends exactly these bytes, once. The signatures come in the order of the body's outputs. */
  swap(body: Uint8Array): Promise<readonly BlindSignature[]>;
  /** NUT-09, in the order of `blinded` (outputs of one keyset): the signature of each that the mint ever signed. */
  restore(
    keyset: string,
    blinded: readonly Uint8Array[],
  ): Promise<readonly (BlindSignature | undefined)[]>;
  /** NUT-07, in the order of `ys`. */
  check(ys: readonly Uint8Array[]): Promise<readonly ProofState[]>;
  close(): Promise<void>;
}

/** cdk answers a database lock only after 10 s. */
const SWAP_TIMEOUT_MS = 15_000;
const QUERY_TIMEOUT_MS = 5000;
/** Reverse proxies in front of mints refuse bodies that the mints themselves would take. */
const MAX_SLICE = 100;

export interface MintClientOptions {
  readonly breaker: Breaker;
  readonly swapTimeoutMs?: number;
  readonly queryTimeoutMs?: number;
}

export function createMintClient(url: string, options: MintClientOptions): MintClient {
  const { breaker, swapTimeoutMs = SWAP_TIMEOUT_MS, queryTimeoutMs = QUERY_TIMEOUT_MS } = options;
  const http = createMintHttp(url);

  async function ask<T>(request: MintRequest, read: (answer: Answer) => T): Promise<T> {
    if (!breaker.admit()) throw new MintFailure('unsent', 'the mint is left alone for a while');
    try {
      const answer = await http.send(request);
      if (answer.status !== 200) throw failureOf(answer);
      const result = read(readObject(answer.body));
      breaker.answered();
      return result;
    } catch (error) {
      const failure =
        error instanceof MintFailure
          ? error
          : new MintFailure('unknown', 'the mint call broke', { cause: error });
      report(breaker, failure);
      throw failure;
    }
  }

  const get = <T>(path: string, read: (answer: Answer) => T): Promise<T> =>
    ask({ method: 'GET', path, timeoutMs: queryTimeoutMs }, read);
  const post = <T>(path: string, body: unknown, read: (answer: Answer) => T): Promise<T> => {
    const bytes = Buffer.from(JSON.stringify(body));
    return ask({ method: 'POST', path, body: bytes, timeoutMs: queryTimeoutMs }, read);
  };

  return {
    info: () => get('/v1/info', readInfo),
    keysets: () => get('/v1/keysets', readKeysets),
    keys: (id) => get(`/v1/keys/${id}`, (answer) => readKeys(answer, id)),
    swap: (body) =>
      ask({ method: 'POST', path: '/v1/swap', body, timeoutMs: swapTimeoutMs }, readSignatures),
    restore: (keyset, blinded) =>
      inSlices(blinded, (slice) => {
        const outputs = slice.map((B_) => ({ amount: 0, id: keyset, B_: hexOf(B_) }));
        return post('/v1/restore', { outputs }, (answer) => readRestored(answer, slice));
      }),
    check: (ys) =>
      inSlices(ys, (slice) =>
        post('/v1/checkstate', { Ys: slice.map(hexOf) }, (answer) => readStates(answer, slice)),
      ),
    close: () => http.close(),
  };
}

type Answer = Parameters<typeof readInfo>[0];

/** A refusal in the mint's own words shows that it lives, whatever a stranger's token made it say. */
function report(breaker: Breaker, failure: MintFailure): void {
  if (failure.reason === 'rate') breaker.paused((failure.retryAfterS ?? 0) * 1000);
  else if (failure.code !== undefined || failure.reason === 'rejected') breaker.answered();
  else breaker.failed();
}

async function inSlices<Item, Result>(
  items: readonly Item[],
  ask: (slice: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += MAX_SLICE) {
    results.push(...(await ask(items.slice(start, start + MAX_SLICE))));
  }
  return results;
}
