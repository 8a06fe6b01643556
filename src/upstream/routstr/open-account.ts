import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import * as rows from './account-row.ts';
import type { AccountKind, AccountRow } from './account-row.ts';
import { accountOf, riskOfRow } from './account.ts';
import type { Account } from './account.ts';
import type { Capital } from './capital.ts';
import type { Exposure } from './exposure.ts';
import { pastRisks, riskOfNode } from './node-sums.ts';

export interface OpenOrder {
  readonly kind: AccountKind;
  readonly node: string;
  readonly mint: string;
  readonly baseUrl: string;
  readonly sat: bigint;
  /** The most that may be at risk with the node now, msat. */
  readonly capMsat: () => bigint;
}

export interface OpenParts {
  readonly exposure: Exposure;
  readonly store: Store;
  readonly capital: Capital;
  readonly clock: Clock;
  readonly log: Log;
  /** What a mint takes for redeeming this token, msat. Never throws: the token is given already. */
  readonly redeemFeeMsat: (mint: string, token: string) => bigint;
}

class OverCapError extends Error {
  override readonly name = 'OverCapError';
}

/**
 * Cuts a token for a node. `over its cap` when then more were at risk than its cap, checked before anything is done and again in
 * the transaction; `no funds` when the mint has not that much. Rejects with RouterError when the mint is away.
 */
export async function openAccount(
  parts: OpenParts,
  order: OpenOrder,
): Promise<Account | 'over its cap' | 'no funds'> {
  const { exposure } = parts;
  const { node, sat, capMsat } = order;
  const depositedMsat = sat * 1000n;
  if (exposure.riskOf(node) + depositedMsat > capMsat()) return 'over its cap';
  exposure.add(node, depositedMsat);
  try {
    return await cut(parts, order);
  } catch (error) {
    if (error instanceof OverCapError) return 'over its cap';
    throw error;
  } finally {
    exposure.add(node, -depositedMsat);
  }
}

async function cut(parts: OpenParts, order: OpenOrder): Promise<Account | 'no funds'> {
  const { store, capital, clock, exposure } = parts;
  const { kind, node, mint, baseUrl, sat, capMsat } = order;
  const depositedMsat = sat * 1000n;
  const spent = await capital.spend({
    mintUrl: mint,
    sat,
    node,
    record: function* record({ id }) {
      if ((yield* riskOfNode(node)) + depositedMsat > capMsat()) throw new OverCapError();
      const nowMs = clock.now();
      const fresh = { kind, node, mint, baseUrl, spend: id, depositedMsat, nowMs };
      return yield* rows.insertAccount(fresh);
    },
  });
  if (spent === undefined) return 'no funds';
  const { token, feeSat, result } = spent;
  const feeMsat = parts.redeemFeeMsat(mint, token);
  const account = accountOf(await store.write(() => rows.markOpen(result.id, feeMsat)), token);
  account.ownFeesMsat = feeSat * 1000n;
  account.service = 'none';
  exposure.enter(account);
  return account;
}

/** Reads what an earlier run left at nodes. */
export async function loadAccounts(parts: OpenParts): Promise<void> {
  const { store, exposure } = parts;
  for (const { node, risk } of await store.read(pastRisks)) exposure.add(node, risk);
  await Promise.all((await store.read(rows.liveAccounts)).map(async (row) => reopen(parts, row)));
}

async function reopen({ capital, exposure, log }: OpenParts, row: AccountRow): Promise<void> {
  try {
    exposure.enter(accountOf(row, await capital.spentToken(row.spend)));
  } catch (error) {
    // Its mint is not configured any more: it counts, and waits until it is again.
    const fields = { err: error, account: String(row.id), mint: row.mint };
    log.warn(fields, 'money at a node cannot be used now');
    exposure.add(row.node, riskOfRow(row));
  }
}
