import { restOf } from './account-row.ts';
import type { AccountRow, Closing } from './account-row.ts';

/** A token of ours at a node, in memory. `row` is replaced after every commit. */
export interface Account {
  row: AccountRow;
  readonly token: string;
  /** Requests that run on it. */
  running: number;
  /** What they may cost. */
  heldMsat: bigint;
  /** What ended requests cost, until it is booked. */
  bookingMsat: bigint;
  /** What is set aside for requests of which nobody knows what they cost: they broke off. */
  unclearMsat: bigint;
  /** Of it, what they can have cost by right. */
  dueMsat: bigint;
  /** How often the node was asked in vain what they cost, and when it may be asked. */
  asks: number;
  askAtMs: number;
  /** Counts all that began or ended on it. */
  turns: number;
  /** What the node did for the token in this run; `unknown` of what earlier runs opened. */
  service: 'none' | 'refused' | 'some' | 'unknown';
  /** No new request goes to it. */
  isRetired: boolean;
  /** It was told that the node withholds what is left. */
  isWithheld: boolean;
  /** Mint fees of ours that it caused. */
  ownFeesMsat: bigint;
  /** What requests were charged above the node's prices, within rounding. */
  roundingMsat: bigint;
}

/** An aborted request is settled by its node within this, or asked for again. */
export const FIRST_ASK_MS = 500;

/** After so many vain attempts, of about a minute, a node that answers withholds; one that is away, of about two hours. */
export const WITHHELD_ATTEMPTS = { answers: 6n, away: 12n } as const;

/** An account as an earlier run left it, or a fresh one. */
export function accountOf(row: AccountRow, token: string): Account {
  return {
    row,
    token,
    running: 0,
    heldMsat: 0n,
    bookingMsat: 0n,
    unclearMsat: row.reserved_msat,
    dueMsat: row.reserved_msat,
    asks: 0,
    askAtMs: 0,
    turns: 0,
    service: 'unknown',
    isRetired: false,
    isWithheld: row.attempts >= WITHHELD_ATTEMPTS.away,
    ownFeesMsat: 0n,
    roundingMsat: 0n,
  };
}

/** What can still be spent on requests of an account, msat. */
export function spendable(account: Account): bigint {
  const { row, heldMsat, unclearMsat, bookingMsat } = account;
  const free = restOf(row) - row.fee_msat - heldMsat - unclearMsat - bookingMsat;
  return free > 0n ? free : 0n;
}

/** May new requests go to it? What lies at one address of a key need not be known at another. */
export function isUsable({ row, isRetired }: Account, baseUrl: string): boolean {
  const isOpen = row.kind === 'balance' && row.state === 'open' && !isRetired;
  return isOpen && row.base_url === baseUrl;
}

/** What may be charged by right, though nobody knows yet. */
export function reservedOf({ heldMsat, dueMsat }: Account): bigint {
  return heldMsat + dueMsat;
}

/** What counts against the node's cap. */
export function riskOfRow(row: AccountRow): bigint {
  const rest = row.deposited_msat - row.charged_msat - row.returned_msat;
  return row.disputed_msat + (row.state === 'closed' ? 0n : rest);
}

/** `account`: undefined where it is over already. */
export function closingOf(account: Account | undefined, nowMs: number): Closing {
  return { nowMs, isVain: account?.service === 'refused' };
}

export function isOver({ state }: AccountRow): boolean {
  return state === 'closed' || state === 'lost';
}
