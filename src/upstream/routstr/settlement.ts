import type { PriceSnapshot } from '../../pricing/snapshot.ts';
import type { Observation } from '../observation.ts';
import { UpstreamFailure } from '../upstream.ts';
import { restOf } from './account-row.ts';
import type { Account } from './account.ts';
import { NO_CHARGE } from './accounts.ts';
import type { Accounts, Charge, Unclear } from './accounts.ts';
import type { Ending } from './bought-answer.ts';
import { keepChange } from './call-back.ts';
import type { CallBackParts } from './call-back.ts';
import { expectedCharge } from './expected-charge.ts';
import type { PaymentRefusal } from './payment-refusal.ts';
import type { PriceCheck } from './price-check.ts';
import type { Receipt } from './receipt.ts';

/** One request that is paid from an account. */
export interface Deal {
  readonly account: Account;
  /** What is set aside for it there. */
  readonly held: bigint;
  /** The most it can cost by the prices we know. */
  readonly maxCost: bigint;
  readonly model: string;
  /** What the node published when it was sent; undefined where it tells no prices in sat. */
  readonly prices: PriceSnapshot | undefined;
  /** The prices that we go by; those in other money at our rate. */
  readonly cost: PriceSnapshot | undefined;
  /** At most so many images are in it. */
  readonly images: number;
  /** It was charged, or may be, for what nobody can count. */
  isUncounted: boolean;
}

/** What a request that is over does to its account. Each deal ends by exactly one of the first four; none of them throws or waits. */
export interface Settlement {
  /** It was given up before anything was sent. */
  unsent(deal: Deal): void;
  /** No answer came. */
  failed(deal: Deal, error: unknown): void;
  /** The node refused it. */
  refused(deal: Deal, refusal: PaymentRefusal): void;
  /** It was answered, to its end or not. */
  ended(deal: Deal, ending: Ending): void;
  /** What the payer was charged for it, msat; after the end of the deal. */
  billed(deal: Deal, chargeMsat: bigint): void;
}

export interface SettlementTerms {
  readonly observe: (observation: Observation) => void;
  readonly check: PriceCheck;
}

export interface SettlementParts extends CallBackParts {
  readonly accounts: Accounts;
  /** Runs to its end before everything stops; its errors are logged. */
  readonly inBackground: (work: () => Promise<void>) => void;
  /** There is something to do for this account. */
  readonly look: (account: Account) => void;
}

/** Sums of tokens are rounded once, changes of single requests to a sat. */
const ROUNDING_MSAT = { balance: 1n, request: 1_001n } as const;
/** What we know in other money than sat may cost so much more: exchange rates move. */
const RATE_SLACK = 10n;
/** A gateway before the node says so; the node itself may have had the request. */
const GATEWAY_STATUSES: ReadonlySet<number | undefined> = new Set([502, 504]);

export function createSettlement(
  parts: SettlementParts,
  { observe, check }: SettlementTerms,
): Settlement {
  const { accounts, inBackground, look } = parts;

  const settle = (
    { account, held }: Deal,
    cost: Charge | Unclear | Promise<Charge | Unclear>,
    change: string | undefined,
  ): void =>
    inBackground(async () => {
      if (change !== undefined) await keepChange(parts, account, change);
      await accounts.settle(account, held, await cost);
      look(account);
    });
  const judge = async (deal: Deal, ending: Ending): Promise<Charge | Unclear> => {
    const { chargedMsat, usage, course } = ending.receipt;
    const isWhole = wasAnswered(ending);
    // Nothing is due for nothing.
    const maxCost = course === 'refused' ? 0n : deal.maxCost;
    if (chargedMsat === undefined) return { dueMsat: isWhole ? dueFor(deal, usage) : maxCost };
    const told = await check.expected(deal.model, { ...deal, usage }, chargedMsat);
    // A node may count what it likes: a request has a most that it can cost.
    const limit = withSlack(maxCost);
    const expectedMsat = told === undefined ? undefined : least(told, limit);
    const most = expectedMsat ?? least(withSlack(dueFor(deal, usage)), limit);
    if (chargedMsat - most > ROUNDING_MSAT[deal.account.row.kind]) {
      observe({ kind: 'overcharged', chargedMsat, expectedMsat: most });
      return { chargedMsat, disputedMsat: chargedMsat - most };
    }
    if (chargedMsat > most) deal.account.roundingMsat += chargedMsat - most;
    // Else the payer does not pay for that usage.
    if (isCounted(ending)) observe({ kind: 'paid', chargedMsat, expectedMsat });
    else {
      if (isWhole) observe({ kind: 'failed', what: 'no usage' });
      observe({ kind: 'unchecked', msat: chargedMsat });
    }
    return { chargedMsat, disputedMsat: 0n };
  };

  return {
    unsent: (deal) => settle(deal, NO_CHARGE, undefined),
    failed(deal, error) {
      deal.isUncounted = !wasNotSent(error);
      settle(deal, deal.isUncounted ? { dueMsat: deal.maxCost } : NO_CHARGE, undefined);
    },
    refused(deal, refusal) {
      const { isUnclear, isTokenRefused, isTokenSpent, neededMsat, change, failure } = refusal;
      const { account } = deal;
      const isShort =
        failure.status === 402 && !(neededMsat !== undefined && neededMsat > deal.held);
      // By our books it has enough, or it is no account any more: what is there shows when it is called back.
      if (isTokenRefused || isShort) account.isRetired = true;
      if (account.service === 'none') account.service = 'refused';
      if (isTokenSpent) observe({ kind: 'withheld', msat: restOf(account.row) });
      const dueMsat = GATEWAY_STATUSES.has(failure.status) ? deal.maxCost : 0n;
      settle(deal, isUnclear ? { dueMsat } : NO_CHARGE, change);
    },
    ended(deal, ending) {
      deal.isUncounted = !isCounted(ending);
      const what = failureIn(ending);
      if (what !== undefined) observe({ kind: 'failed', what });
      settle(deal, judge(deal, ending), ending.receipt.change);
    },
    billed({ isUncounted }, msat) {
      if (isUncounted) observe({ kind: 'covered', msat });
    },
  };
}

/** It came to its end, and the router takes it for an answer too. */
function wasAnswered({ receipt: { course }, failure }: Ending): boolean {
  return course === 'done' || (course === 'finished' && failure === undefined);
}

/** Whether its charge is told, and can be held against what it told of its usage. */
function isCounted(ending: Ending): boolean {
  const { chargedMsat, usage } = ending.receipt;
  return wasAnswered(ending) && usage !== undefined && chargedMsat !== undefined;
}

/** In one word; undefined where the node did not fail. */
function failureIn(ending: Ending): string | undefined {
  if (wasAnswered(ending)) return undefined;
  const { receipt, failure } = ending;
  if (receipt.course === 'refused' || receipt.course === 'broken') return 'error';
  if (failure === undefined) return 'broken';
  const isItsFault = failure instanceof UpstreamFailure && failure.kind !== 'cancelled';
  return isItsFault ? failure.kind : undefined;
}

/** What a whole answer costs by the node's own count; at most what the request can cost. */
function dueFor({ prices, cost, images, maxCost }: Deal, usage: Receipt['usage']): bigint {
  const due = expectedCharge({ prices: prices ?? cost, usage, images });
  return due === undefined ? maxCost : least(due, maxCost);
}

function withSlack(costMsat: bigint): bigint {
  return costMsat + costMsat / RATE_SLACK;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Connection failures before anything can have been sent. */
const UNSENT_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function wasNotSent(error: unknown): boolean {
  if (!(error instanceof UpstreamFailure) || error.kind !== 'unreachable') return false;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && UNSENT_CODES.has(cause.code);
}
