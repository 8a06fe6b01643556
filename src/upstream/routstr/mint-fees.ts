import { RouterError } from '../../lib/errors.ts';
import { readTokenText } from '../../wallet/token-text.ts';

/** NUT-02 input fee of a mint's coins, in thousandths of a sat per coin; undefined for a mint that is not ours. */
export type InputPpk = (mintUrl: string) => bigint | undefined;

const LIMITS = { maxChars: 256 * 1024, maxProofs: 1000 };

/** What a mint takes from whoever redeems this token of ours, msat. */
export function redeemFeeMsat(inputPpk: InputPpk, mintUrl: string, token: string): bigint {
  return feeMsat(inputPpk(mintUrl) ?? 0n, coinsIn(token));
}

/** The same for a token of `sat` that is not cut yet, at most; never less for more sat. Its coins may be more than the fewest. */
export function likelyFeeMsat(inputPpk: InputPpk, mintUrl: string, sat: bigint): bigint {
  return feeMsat(inputPpk(mintUrl) ?? 0n, sat.toString(2).length);
}

function feeMsat(ppk: bigint, coins: number): bigint {
  return ((ppk * BigInt(coins) + 999n) / 1000n) * 1000n;
}

function coinsIn(token: string): number {
  try {
    return readTokenText(token, LIMITS).proofs.length;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    // Our own tokens can be read; if one day they cannot, only the guess of a fee is worse.
    return 1;
  }
}
