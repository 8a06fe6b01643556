import { ceilToSat, msat } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import type { AccountKind } from './account-row.ts';
import { likelyFeeMsat } from './mint-fees.ts';
import type { InputPpk } from './mint-fees.ts';

/** How large a token for a node is, and from which mint. */
export interface Sizes {
  /** For a request of `maxCost`, msat, and others that wait for `waiting`; undefined when there is not room or money enough. */
  of(maxCost: bigint, waiting: bigint): { readonly mint: string; readonly sat: bigint } | undefined;
  /** The most that one request may cost on a new token. */
  largest(): Msat;
  /** Would a new token have room for twice this cost? */
  isComfortable(maxCost: bigint): boolean;
  /** Is it the cap that leaves less room than our money would? */
  isCapped(): boolean;
  commonMints(): readonly string[];
  /** Mint fees and dust per request, before any were measured, msat. */
  overheadGuess(): bigint;
}

/** A balance is made for so many requests like the one that opens it. */
const REQUESTS_PER_BALANCE = 16n;
/** Room for the next balance while this one is called back: at most this part of the cap at once. */
const SHARE_OF_CAP = 2n;
/** One node does not take all of the working capital, but for a request that needs it. */
const SHARE_OF_FUNDS = 2n;
/** Splitting treasury coins costs too. */
const SPLIT_SLACK_SAT = 2n;

export interface SizesOptions {
  readonly node: string;
  readonly kind: AccountKind;
  readonly mints: () => readonly string[];
  readonly capMsat: () => bigint;
  readonly riskOf: (node: string) => bigint;
  readonly freeAt: (mintUrl: string) => bigint;
  readonly inputPpk: InputPpk;
}

export function createSizes(options: SizesOptions): Sizes {
  const { node, kind, mints, capMsat, riskOf, freeAt, inputPpk } = options;
  const commonMints = (): readonly string[] =>
    mints().filter((mint) => inputPpk(mint) !== undefined);
  const best = (): { mint: string; freeSat: bigint } | undefined => {
    let found: { mint: string; freeSat: bigint } | undefined;
    for (const mint of commonMints()) {
      const freeSat = freeAt(mint);
      if (found === undefined || freeSat > found.freeSat) found = { mint, freeSat };
    }
    return found;
  };
  const roomMsat = (): bigint => most(capMsat() - riskOf(node), 0n);
  const roomSat = (freeSat: bigint): bigint =>
    least(roomMsat() / 1000n, most(freeSat - SPLIT_SLACK_SAT, 0n));
  /** Cost and fee in whole sats, with one for coins that are more than the fewest. */
  const withFee = (mint: string, costMsat: bigint): bigint => {
    const sat = ceilToSat(msat(costMsat));
    return sat + likelyFeeMsat(inputPpk, mint, sat) / 1000n + 1n;
  };

  return {
    commonMints,
    isCapped: () => roomMsat() / 1000n < (best()?.freeSat ?? 0n),
    of(maxCost, waiting) {
      const from = best();
      if (from === undefined) return undefined;
      const { mint, freeSat } = from;
      const room = roomSat(freeSat);
      const needed = withFee(mint, maxCost);
      if (needed > room) return undefined;
      const comfortable = withFee(mint, 2n * maxCost + waiting);
      const lasting = least(
        withFee(mint, REQUESTS_PER_BALANCE * maxCost),
        least(capMsat() / 1000n / SHARE_OF_CAP, freeSat / SHARE_OF_FUNDS),
      );
      const wanted = kind === 'request' ? comfortable : most(comfortable, lasting);
      return { mint, sat: least(wanted, room) };
    },
    largest() {
      const from = best();
      if (from === undefined) return msat(0n);
      const room = roomSat(from.freeSat);
      const feeSat = likelyFeeMsat(inputPpk, from.mint, room) / 1000n + 1n;
      return msat(most(room - feeSat, 0n) * 1000n);
    },
    isComfortable(maxCost) {
      const from = best();
      return from !== undefined && withFee(from.mint, 2n * maxCost) <= roomSat(from.freeSat);
    },
    overheadGuess() {
      const [mint] = commonMints();
      if (mint === undefined) return 0n;
      const fee = likelyFeeMsat(inputPpk, mint, 63n);
      // Once there and once back; of a balance many requests share it.
      const perToken = 2n * fee + 1000n;
      return kind === 'request' ? perToken : perToken / REQUESTS_PER_BALANCE;
    },
  };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
