import { maxMsat, msat, ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import type { Buying } from '../upstream.ts';
import { UpstreamFailure } from '../upstream.ts';
import { isUsable, spendable } from './account.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { createMeasure } from './measure.ts';
import type { InputPpk } from './mint-fees.ts';
import type { OpenParts } from './open-account.ts';
import { createOpening } from './opening.ts';
import type { OpeningOptions } from './opening.ts';
import type { Overhead } from './overhead.ts';
import { createSizes } from './sizes.ts';
import type { Sizes } from './sizes.ts';

/** Our money for one node: requests are paid from its accounts. */
export interface Purse extends Buying {
  /**
   * Sets aside what a request may cost, on an account that has it or on a new one. Rejects with UpstreamFailure: then nothing is
   * set aside.
   */
  rent(maxCost: Msat): Promise<Account>;
  /** Calls back accounts that have become too small for requests as they were of late, where nothing else is left for those. */
  tidy(): void;
}

export interface PurseTerms extends Omit<OpeningOptions, 'parts' | 'sizes'> {
  /** Canonical URLs of the mints that the node takes. */
  readonly mints: () => readonly string[];
}

export interface PurseParts extends OpenParts {
  readonly accounts: Accounts;
  readonly inputPpk: InputPpk;
  readonly overhead: Overhead;
  /** An account that can be of no more use is called back. */
  readonly retire: (account: Account) => void;
  readonly onError: (error: unknown) => void;
}

/** So many accounts are opened at most for one request; others may have used up what it waited for. */
const MAX_OPENINGS = 3;
/** More than this at one node wait to be called back, or are too small. */
const MAX_ACCOUNTS = 8;

export function createPurse(parts: PurseParts, terms: PurseTerms): Purse {
  const { accounts, exposure, overhead } = parts;
  const { node, kind, baseUrl } = terms;
  const sizes = sizesOf(parts, terms);
  const opening = createOpening({ ...terms, parts, sizes });
  /** What requests wait for that found no account. */
  let waitingMsat = 0n;
  const measure = createMeasure(parts.clock);

  const usable = () => exposure.of(node).filter((account) => isUsable(account, baseUrl));
  const mostSpendable = (): bigint => most(usable().map(spendable));
  const isBlocked = (): boolean => terms.capMsat() === ZERO_MSAT;
  async function openLarger(maxCost: bigint): Promise<void> {
    const opened = await opening.shared(maxCost, waitingMsat);
    for (const account of usable())
      if (account !== opened && spendable(account) < maxCost) parts.retire(account);
  }
  /** The next request of this size shall not wait. */
  function openAhead(maxCost: bigint): void {
    if (opening.isUnderWay || mostSpendable() >= 2n * maxCost) return;
    if (!sizes.isComfortable(maxCost) || usable().length >= MAX_ACCOUNTS) return;
    openLarger(maxCost).catch((error: unknown) => {
      // Who needs it will hear why it cannot be.
      if (!(error instanceof UpstreamFailure)) parts.onError(error);
    });
  }
  /** Calls back what lies idle on accounts that are too small, where that gives room for such a request later. */
  function makeRoom(maxCost: bigint): void {
    const idle = usable().filter(({ running }) => running === 0);
    if (sizes.largest() + sumOf(idle.map(spendable)) > maxCost) idle.forEach(parts.retire);
  }
  const affordable = (): Msat => {
    if (isBlocked()) return ZERO_MSAT;
    const fresh = sizes.largest();
    return kind === 'request' ? fresh : maxMsat(msat(mostSpendable()), fresh);
  };
  async function rentShared(maxCost: Msat): Promise<Account> {
    for (let round = 0; round < MAX_OPENINGS; round += 1) {
      const found = fitting(usable(), maxCost);
      if (found !== undefined) {
        accounts.hold(found, maxCost);
        openAhead(maxCost);
        return found;
      }
      await openLarger(maxCost);
    }
    throw new UpstreamFailure('unaffordable', 'over its cap');
  }
  return {
    affordable,
    tidy() {
      if (kind === 'balance' && measure.msat > affordable()) makeRoom(measure.msat);
    },
    why: () => opening.why(),
    overhead: () => msat(overhead.of(node, sizes.overheadGuess())),
    async rent(maxCost) {
      if (isBlocked()) throw new UpstreamFailure('unaffordable', 'blocked');
      if (kind === 'request') return holdAll(accounts, await opening.open(maxCost, 0n), maxCost);
      waitingMsat += maxCost;
      measure.take(maxCost);
      try {
        return await rentShared(maxCost);
      } catch (error) {
        makeRoom(maxCost);
        throw error;
      } finally {
        waitingMsat -= maxCost;
      }
    },
  };
}

/** An account that is made for one request. */
function holdAll(accounts: Accounts, account: Account, maxCost: Msat): Account {
  accounts.hold(account, maxCost);
  return account;
}

function sizesOf({ exposure, capital, inputPpk }: PurseParts, terms: PurseTerms): Sizes {
  return createSizes({
    ...terms,
    inputPpk,
    riskOf: (node) => exposure.riskOf(node),
    freeAt: (mint) => capital.freeAt(mint),
  });
}

/** A node may hold half of an account for one request and cut its answer to that: twice its cost lets it be whole. */
function fitting(all: readonly Account[], maxCost: bigint): Account | undefined {
  return (
    all.find((account) => spendable(account) >= 2n * maxCost) ??
    all.find((account) => spendable(account) >= maxCost)
  );
}

function most(amounts: readonly bigint[]): bigint {
  return amounts.reduce((a, b) => (a > b ? a : b), 0n);
}

function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}
