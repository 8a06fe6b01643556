import type { Crypto } from '../crypto/crypto.ts';
import { deriveOutput } from '../crypto/nut13.ts';
import type { Coin, NewCoin } from './coins.ts';
import type { SwapRow } from './journal.ts';
import type { Keyset } from './keyset.ts';
import { MintFailure } from './mint-failure.ts';
import type { BlindSignature } from './mint-wire.ts';

/** One blank coin: everything needed to ask for its signature and to unblind it. */
export interface Output {
  readonly amount: bigint;
  readonly counter: bigint;
  readonly secret: string;
  readonly r: Uint8Array;
  readonly blinded: Uint8Array;
}

export interface OutputRange {
  readonly keyset: string;
  readonly firstCounter: bigint;
  readonly amounts: readonly bigint[];
}

const utf8 = new TextEncoder();

/** The outputs of a swap, made again from its seed and counters at any time (NUT-13). */
export function deriveOutputs(crypto: Crypto, seed: Uint8Array, range: OutputRange): Output[] {
  return range.amounts.map((amount, index) => {
    const counter = range.firstCounter + BigInt(index);
    const { secret, r } = deriveOutput(seed, range.keyset, counter);
    return { amount, counter, secret, r, blinded: crypto.blind(utf8.encode(secret), r) };
  });
}

export function rangeOf(row: SwapRow): OutputRange {
  return {
    keyset: row.keyset,
    firstCounter: row.first_counter,
    amounts: row.amounts.split(',').map(BigInt),
  };
}

/** The secret of one of our coins. */
export function secretOf(seed: Uint8Array, coin: Pick<Coin, 'keyset' | 'counter'>): string {
  return deriveOutput(seed, coin.keyset, coin.counter).secret;
}

/**
 * Unblinds the mint's signatures on a swap's outputs, in order, each checked against its amount, keyset and DLEQ.
 * Throws MintFailure `unknown` when the mint answered anything else than what was asked for: the swap stays open.
 */
export function unblindAll(
  crypto: Crypto,
  row: SwapRow,
  material: {
    readonly outputs: readonly Output[];
    readonly signatures: readonly BlindSignature[];
    readonly keyset: Keyset;
    /** NUT-09 answers of some mints carry no DLEQ; a swap's must. */
    readonly restored: boolean;
  },
): NewCoin[] {
  const { outputs, signatures, keyset, restored } = material;
  if (signatures.length !== outputs.length) throw wrong('a wrong number of signatures');
  return outputs.map((output, index) => {
    const signature = signatures[index];
    const key = keyset.keys.get(output.amount);
    if (signature === undefined || key === undefined) throw wrong('no signature or no key');
    if (signature.amount !== output.amount || signature.id !== row.keyset)
      throw wrong('a signature for another amount or keyset');
    const proven =
      signature.dleq === undefined
        ? restored
        : crypto.verifySignatureDleq(output.blinded, signature.C_, key, signature.dleq);
    if (!proven) throw wrong('a signature without a valid DLEQ proof (NUT-12)');
    return {
      y: crypto.hashToCurve(utf8.encode(output.secret)),
      mint: row.mint,
      keyset: row.keyset,
      amount: output.amount,
      seed: row.seed,
      counter: output.counter,
      c: crypto.unblind(signature.C_, output.r, key),
      owner: row.owner,
      made_by: row.id,
    };
  });
}

function wrong(what: string): MintFailure {
  return new MintFailure('unknown', `the mint answered ${what}`);
}
