import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import * as rows from './account-row.ts';
import type { AccountRow } from './account-row.ts';
import { closingOf, FIRST_ASK_MS, reservedOf } from './account.ts';
import type { Account } from './account.ts';
import type { Exposure } from './exposure.ts';

/** What happens with accounts: every change is a commit first, then seen in memory. */
export interface Accounts {
  /** Sets aside what a request may cost. */
  hold(account: Account, amountMsat: bigint): void;
  /** A request is over. Resolves when it is booked. */
  settle(account: Account, held: bigint, cost: Charge | Unclear): Promise<void>;
  /** All that was unclear cost `charge` together. */
  clarify(account: Account, charge: Charge): Promise<void>;
  drain(account: Account): Promise<void>;
  /** Keeps change until it is swapped; on disk when it resolves. False when other change is kept already. */
  keepChange(account: Account, sealed: Uint8Array): Promise<boolean>;
  dropChange(account: Account): Promise<void>;
  postpone(account: Account, nextAtMs: number): Promise<void>;
  close(account: Account): Promise<void>;
  /** Reads its row anew: the treasury has written it. */
  refresh(account: Account): Promise<void>;
}

export interface Charge {
  readonly chargedMsat: bigint;
  /** Part of it that is beyond the node's own prices. */
  readonly disputedMsat: bigint;
}

/** Nobody knows what was charged. */
export interface Unclear {
  /** By right no more than this. */
  readonly dueMsat: bigint;
}

export const NO_CHARGE: Charge = { chargedMsat: 0n, disputedMsat: 0n };

export interface AccountsParts {
  readonly exposure: Exposure;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export function createAccounts({ exposure, store, clock, log }: AccountsParts): Accounts {
  const write = async (
    account: Account,
    operation: () => Operation<AccountRow | undefined>,
    durability: 'process' | 'disk' = 'process',
  ): Promise<boolean> => {
    const row = await store.write(operation, durability);
    if (row !== undefined) exposure.see(account, row);
    return row !== undefined;
  };
  const book = async (account: Account, charge: Charge, requests: bigint): Promise<void> => {
    account.bookingMsat += charge.chargedMsat;
    const { id } = account.row;
    const terms = { id, reservedMsat: reservedOf(account), requests, nowMs: clock.now() };
    await write(account, () => rows.chargeAccount({ ...terms, ...charge }));
    account.bookingMsat -= charge.chargedMsat;
  };

  return {
    hold(account, amountMsat) {
      account.running += 1;
      account.turns += 1;
      account.heldMsat += amountMsat;
      const { id } = account.row;
      const reservedMsat = reservedOf(account);
      // Only for who comes after a crash: nobody waits for it.
      store
        .write(() => rows.reserve(id, reservedMsat, clock.now()))
        .catch((error: unknown) => log.error({ err: error }, 'a reservation was not written'));
    },
    async settle(account, held, cost) {
      const isUnclear = 'dueMsat' in cost;
      account.heldMsat -= held;
      if (isUnclear) {
        account.unclearMsat += held;
        account.dueMsat += cost.dueMsat;
        account.askAtMs = clock.now() + FIRST_ASK_MS;
      }
      account.running -= 1;
      account.turns += 1;
      const isServed = cost !== NO_CHARGE;
      if (isServed) account.service = 'some';
      await book(account, isUnclear ? NO_CHARGE : cost, isServed ? 1n : 0n);
    },
    async clarify(account, charge) {
      account.unclearMsat = 0n;
      account.dueMsat = 0n;
      await book(account, charge, 0n);
    },
    async drain(account) {
      await write(account, () => rows.drainAccount(account.row.id, clock.now()));
    },
    keepChange: async (account, sealed) =>
      write(account, () => rows.keepChange(account.row.id, sealed, clock.now()), 'disk'),
    async dropChange(account) {
      await write(account, () => rows.dropChange(account.row.id));
    },
    async postpone(account, nextAtMs) {
      await write(account, () => rows.postpone(account.row.id, nextAtMs));
    },
    async close(account) {
      const closing = closingOf(account, clock.now());
      await write(account, () => rows.closeAccount(account.row.id, closing));
    },
    async refresh(account) {
      exposure.see(account, await store.read(() => rows.accountRow(account.row.id)));
    },
  };
}
