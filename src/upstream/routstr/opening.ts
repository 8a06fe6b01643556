import { ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import { RouterError } from '../../lib/errors.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { AccountKind } from './account-row.ts';
import type { Account } from './account.ts';
import { openAccount } from './open-account.ts';
import type { OpenParts } from './open-account.ts';
import type { Sizes } from './sizes.ts';

/** Opens accounts at one node. */
export interface Opening {
  /** Opens one that a request of `maxCost` fits on. Rejects with UpstreamFailure. */
  open(maxCost: bigint, waiting: bigint): Promise<Account>;
  /** The same, but one at a time: all who wait share it. */
  shared(maxCost: bigint, waiting: bigint): Promise<Account>;
  readonly isUnderWay: boolean;
  /** Why nothing larger can be bought, in words of `Buying.why`. */
  why(): string;
}

export interface OpeningOptions {
  readonly parts: OpenParts;
  readonly sizes: Sizes;
  readonly node: string;
  readonly baseUrl: string;
  readonly kind: AccountKind;
  readonly capMsat: () => Msat;
  /** Tells the node of a fresh token, so that it redeems it once, before several requests come with it. */
  readonly introduce: (account: Account) => Promise<void>;
}

export function createOpening(options: OpeningOptions): Opening {
  const { parts, sizes, node, baseUrl, kind, capMsat, introduce } = options;
  let underWay: Promise<Account> | undefined;

  const why = (): string => {
    if (capMsat() === ZERO_MSAT) return 'blocked';
    if (sizes.commonMints().length === 0) return 'no common mint';
    return sizes.isCapped() ? 'over its cap' : 'no funds';
  };
  async function cut(mint: string, sat: bigint): Promise<Account> {
    const opened = await openAccount(parts, { kind, node, mint, baseUrl, sat, capMsat });
    if (typeof opened === 'string') throw new UpstreamFailure('unaffordable', opened);
    return opened;
  }
  async function open(maxCost: bigint, waiting: bigint): Promise<Account> {
    const order = sizes.of(maxCost, waiting);
    if (order === undefined) throw new UpstreamFailure('unaffordable', why());
    try {
      const opened = await cut(order.mint, order.sat);
      if (kind === 'balance') await introduce(opened);
      return opened;
    } catch (cause) {
      if (!(cause instanceof RouterError)) throw cause;
      // The mint does not split our coins now.
      throw new UpstreamFailure('unaffordable', 'no funds', { cause });
    }
  }

  return {
    why,
    open,
    get isUnderWay() {
      return underWay !== undefined;
    },
    async shared(maxCost, waiting) {
      underWay ??= open(maxCost, waiting).finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}
