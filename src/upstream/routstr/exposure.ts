import { msat } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import type { AccountRow } from './account-row.ts';
import { isOver, riskOfRow } from './account.ts';
import type { Account } from './account.ts';

/** All accounts that are not over, and what is at risk with every node. Synchronous: never less than the database says. */
export interface Exposure {
  of(node: string): readonly Account[];
  all(): readonly Account[];
  /** Those with which something is at risk. */
  nodes(): readonly string[];
  riskOf(node: string): Msat;
  enter(account: Account): void;
  /** Takes over what was committed. */
  see(account: Account, row: AccountRow): void;
  /** Adds to what is at risk besides the accounts: tokens that are being cut, accounts that are over. */
  add(node: string, amountMsat: bigint): void;
}

/** `onOver` is told once of each account that closes or is lost. */
export function createExposure(onOver: (account: Account) => void): Exposure {
  const live = new Map<string, readonly Account[]>();
  const besides = new Map<string, bigint>();

  const of = (node: string): readonly Account[] => live.get(node) ?? [];
  const add = (node: string, amountMsat: bigint): void => {
    const sum = (besides.get(node) ?? 0n) + amountMsat;
    if (sum === 0n) besides.delete(node);
    else besides.set(node, sum);
  };
  return {
    of,
    add,
    all: () => [...live.values()].flat(),
    nodes: () => [...new Set([...live.keys(), ...besides.keys()])],
    riskOf(node) {
      const open = of(node).reduce((sum, { row }) => sum + riskOfRow(row), 0n);
      return msat(open + (besides.get(node) ?? 0n));
    },
    enter(account) {
      const { node } = account.row;
      live.set(node, [...of(node), account]);
    },
    see(account, row) {
      if (isOver(account.row)) return;
      account.row = row;
      if (!isOver(row)) return;
      const others = of(row.node).filter((other) => other !== account);
      if (others.length === 0) live.delete(row.node);
      else live.set(row.node, others);
      add(row.node, riskOfRow(row));
      onOver(account);
    },
  };
}
