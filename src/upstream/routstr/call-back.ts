import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Collected } from '../../treasury/treasury.ts';
import { open as unseal, seal } from '../../wallet/seeds.ts';
import type { Observation } from '../observation.ts';
import { restOf } from './account-row.ts';
import type { AccountRow } from './account-row.ts';
import { isOver, WITHHELD_ATTEMPTS } from './account.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import type { Capital } from './capital.ts';
import { askRefund } from './node-client.ts';
import type { NodeWay, RefundAnswer } from './node-client.ts';
import { nodeName } from './node-name.ts';

export interface CallBackParts {
  readonly accounts: Accounts;
  readonly capital: Capital;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 bytes: change is sealed with it while it waits to be swapped. */
  readonly sealKey: Uint8Array;
  readonly random: () => number;
  readonly wayTo: (account: Account) => NodeWay;
  readonly observe: (node: string, observation: Observation) => void;
}

const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 3_600_000;
/** From so many on, and then ever more rarely, we try whether our own token is still unspent. */
const RECLAIM_ATTEMPTS = 2n;

/** Keeps change that came with an answer, on disk, until it is swapped. */
export async function keepChange(
  { accounts, sealKey }: CallBackParts,
  account: Account,
  text: string,
): Promise<boolean> {
  return accounts.keepChange(account, seal(sealKey, Buffer.from(text)));
}

/**
 * One attempt to have back what is left of a draining account. Whatever comes of it is written; what is not over is due again
 * later, for ever.
 */
export async function callBack(parts: CallBackParts, account: Account): Promise<void> {
  const { accounts } = parts;
  const before = restOf(account.row);
  const chargedBefore = account.row.charged_msat + account.bookingMsat;
  const isAnswered = await step(parts, account);
  const { row } = account;
  if (isOver(row)) return tellOver(parts, row, row.charged_msat - chargedBefore);
  const isBetter = restOf(row) < before;
  await accounts.postpone(account, parts.clock.now() + pauseOf(parts, account, isBetter));
  const isLong =
    account.row.attempts >= (isAnswered ? WITHHELD_ATTEMPTS.answers : WITHHELD_ATTEMPTS.away);
  // Change that waits for our mint is not withheld.
  if (!isLong || account.isWithheld || account.row.change !== null) return;
  account.isWithheld = true;
  parts.observe(row.node, { kind: 'withheld', msat: restOf(row) });
}

/** `takenMsat`: what the node kept for requests that nobody knew the cost of. */
function tellOver({ log, observe }: CallBackParts, row: AccountRow, takenMsat: bigint): void {
  const isLost = row.state === 'lost';
  if (takenMsat > 0n) observe(row.node, { kind: 'unchecked', msat: takenMsat });
  if (isLost) observe(row.node, { kind: 'withheld', msat: row.lost_msat });
  const sums = {
    charged: String(row.charged_msat),
    returned: String(row.returned_msat),
    lost: String(row.lost_msat),
  };
  const fields = { node: nodeName(row.node), account: String(row.id), ...sums };
  if (isLost) log.warn(fields, 'a node kept what it owed');
  else log.debug(fields, 'money at a node came back');
}

/** What a node asked us to wait counts where it is longer. */
function pauseOf(parts: CallBackParts, { row }: Account, isBetter: boolean): number {
  if (isBetter) return FIRST_PAUSE_MS;
  const doublings = row.attempts > 20n ? 20 : Number(row.attempts);
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** doublings, MAX_PAUSE_MS);
  return pause * (0.8 + 0.4 * parts.random());
}

/** True when the node answered, or was not asked. */
async function step(parts: CallBackParts, account: Account): Promise<boolean> {
  const { row, token } = account;
  if (row.change !== null) await swapChange(parts, account, row.change);
  else if (isUsedUp(account)) await parts.accounts.close(account);
  else {
    const answer = await askRefund(parts.wayTo(account), row.kind, token);
    await heed(parts, account, answer);
    return answer.kind !== 'later' || answer.isAnswered;
  }
  return true;
}

async function heed(parts: CallBackParts, account: Account, answer: RefundAnswer): Promise<void> {
  const { row, token } = account;
  switch (answer.kind) {
    case 'token':
      if (answer.text === token) return takeBack(parts, account);
      if (await keepChange(parts, account, answer.text)) await step(parts, account);
      return undefined;
    case 'over':
      return parts.accounts.close(account);
    case 'absent':
      return takeBack(parts, account);
    case 'later':
      return isTimeToReclaim(row.attempts) ? takeBack(parts, account) : undefined;
  }
}

/** A node gives back whole sats only. What it took beyond its prices it is asked for: it may have told too little. */
function isUsedUp({ row, unclearMsat }: Account): boolean {
  const rest = restOf(row) - row.fee_msat + row.disputed_msat;
  return unclearMsat === 0n && rest < 1000n;
}

/** At the second attempt, the fourth, the eighth, ...: the mint is asked each time. */
function isTimeToReclaim(attempts: bigint): boolean {
  return attempts >= RECLAIM_ATTEMPTS && (attempts & (attempts - 1n)) === 0n;
}

async function swapChange(
  parts: CallBackParts,
  account: Account,
  sealed: Uint8Array,
): Promise<void> {
  const { accounts, capital, sealKey } = parts;
  const { row } = account;
  const text = Buffer.from(unseal(sealKey, sealed)).toString();
  const collected = await capital.collect({ text, node: row.node, reference: row.id });
  if (collected.kind === 'later' && !isMadeUp(collected, row.attempts)) return;
  if (collected.kind === 'applied') account.ownFeesMsat += collected.feeSat * 1000n;
  else {
    parts.log.warn(
      { node: nodeName(row.node), account: String(row.id), why: collected.why },
      'change of a node is worth nothing',
    );
    await accounts.dropChange(account);
  }
  await see(parts, account);
}

/** A keyset that a mint which answers has not told after a minute it does not have. */
function isMadeUp({ why }: Extract<Collected, { kind: 'later' }>, attempts: bigint): boolean {
  return why === 'unknown keyset' && attempts >= WITHHELD_ATTEMPTS.answers;
}

/** Where the node never redeemed our token it is still ours. */
async function takeBack(parts: CallBackParts, account: Account): Promise<void> {
  const { row, token } = account;
  // The node may redeem it at the same moment: the mint decides.
  const collected = await parts.capital.collect({ text: token, node: row.node, reference: row.id });
  if (collected.kind === 'applied') await see(parts, account);
}

/** The treasury wrote the account's row with its own books. */
async function see({ accounts, observe }: CallBackParts, account: Account): Promise<void> {
  const { returned_msat: before, node } = account.row;
  await accounts.refresh(account);
  const { row } = account;
  if (row.change !== null) await accounts.dropChange(account);
  const came = row.returned_msat - before;
  if (came > 0n) observe(node, { kind: 'returned', msat: came });
}
