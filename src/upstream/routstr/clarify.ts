import { restOf } from './account-row.ts';
import { FIRST_ASK_MS } from './account.ts';
import type { Account } from './account.ts';
import type { CallBackParts } from './call-back.ts';
import { askBalance } from './node-client.ts';

const MAX_ASKS = 8;
/** A node that has our token half redeemed may never go on by itself: soon the token is called back. */
const MAX_MOVING_ASKS = 3;

/**
 * Asks the node what is left on an account that nobody uses now; what is missing is what its unclear requests cost. False when
 * the node does not tell: what comes back when the account is closed tells as well.
 */
export async function clarify(parts: CallBackParts, account: Account): Promise<boolean> {
  const { turns, dueMsat } = account;
  const info = await askBalance(parts.wayTo(account), account.token);
  // Requests that began or ended meanwhile are in the answer, or not.
  const isUnused = account.turns === turns;
  if (info.kind === 'balance' && info.reservedMsat === 0n && isUnused) {
    const left = restOf(account.row) - account.bookingMsat - account.row.fee_msat;
    const missing = left > info.balanceMsat ? left - info.balanceMsat : 0n;
    account.asks = 0;
    await bookUnclear(parts, account, { missing, most: dueMsat });
    return true;
  }
  if (isUnused) account.asks += 1;
  account.askAtMs = parts.clock.now() + FIRST_ASK_MS * 2 ** account.asks;
  const most = info.kind === 'moving' ? MAX_MOVING_ASKS : MAX_ASKS;
  return info.kind !== 'refused' && account.asks <= most;
}

async function bookUnclear(
  { accounts, observe }: CallBackParts,
  account: Account,
  { missing, most }: { readonly missing: bigint; readonly most: bigint },
): Promise<void> {
  const beyond = missing - most;
  const isOver = beyond > 1n;
  await accounts.clarify(account, {
    chargedMsat: missing,
    disputedMsat: isOver ? beyond : 0n,
  });
  if (missing === 0n) return;
  observe(
    account.row.node,
    isOver
      ? { kind: 'overcharged', chargedMsat: missing, expectedMsat: most }
      : { kind: 'unchecked', msat: missing },
  );
}
