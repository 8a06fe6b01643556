import { keepSnapshot } from '../../ledger/accounts.ts';
import { recoverHolds } from '../../ledger/holds.ts';
import type { Cancel } from '../../lib/cancel.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Quote } from '../../pricing/quote.ts';
import { formatSnapshot, snapshotId } from '../../pricing/snapshot-text.ts';
import type { PriceSnapshot } from '../../pricing/snapshot.ts';
import type { Credentials, Payment, PaymentRail } from '../rail.ts';
import { createKnownAccounts } from './accounts.ts';
import { acquire } from './acquire.ts';
import { cashuCredential } from './credential.ts';
import type { CashuCredential } from './credential.ts';
import { registerEffects } from './effects.ts';
import { createLeases } from './leases.ts';
import type { CashuOptions } from './parts.ts';
import { cashuChallenge } from './payment-request.ts';
import { changeOf, createPayment, endOfRequest } from './payment.ts';
import type { PaymentParts } from './payment.ts';
import { SIBLING_WAIT_MS, stopWaiting } from './pursuit.ts';
import type { CashuRequest, Pursuit } from './pursuit.ts';
import { createRefusals } from './refusals.ts';
import { createStrikes } from './strikes.ts';
import { createTasks, recoverAccounts } from './tasks.ts';
import { createWaiters } from './waiters.ts';
import { createWalletApi } from './wallet-api.ts';
import type { CashuWalletApi } from './wallet-api.ts';

/** Tokens that a mint refused or left unclear, from one address in a minute, before its tokens are no longer sent to a mint. */
const MAX_REFUSED_PER_MINUTE = 20;
/** Swaps and look-ups at a mint that an address causes at will in a minute: change taken back, refunds. */
const MAX_SWAPS_PER_MINUTE = 60;

export interface CashuRail extends PaymentRail {
  readonly api: CashuWalletApi;
  /** Finishes what a crash left: running holds are charged what their lease metered, open swaps are looked at. */
  start(): Promise<{ readonly charged: number; readonly dropped: number }>;
  /** Waits for swaps in work; then nothing of this rail runs any more. */
  stop(): Promise<void>;
}

/** A Cashu token is an account (DESIGN.md section 5). */
export function createCashuRail(options: CashuOptions): CashuRail {
  const { store, clock, wallet } = options;
  const parts = partsOf(options);
  const { waiters } = parts;
  const known = createKnownAccounts(parts);
  const snapshots = createSnapshots(parts);
  registerEffects(wallet, {
    clock,
    mints: wallet.mints,
    grantWaiting: (account) => waiters.grant(account),
  });

  async function accept(
    credential: CashuCredential,
    credentials: Credentials,
    order: { readonly quote: Quote; readonly gone: Cancel },
  ): Promise<Payment> {
    const { account, token } = await known.identify(credential);
    const { address, requestId } = credentials;
    const request: CashuRequest = { credential, gone: order.gone, address, requestId };
    const pursuit: Pursuit = {
      request,
      account,
      quote: order.quote,
      refined: false,
      snapshot: await snapshots.idOf(order.quote.snapshot),
      token,
      waiter: undefined,
      deadlineMs: clock.now() + SIBLING_WAIT_MS,
    };
    try {
      return createPayment(parts, request, await acquire(parts, pursuit));
    } catch (error) {
      throw await withChange(parts, pursuit, error);
    }
  }

  return {
    name: 'cashu',
    challenge: async (quote) => cashuChallenge(wallet.mints.all, await quote?.refine()),
    accept(credentials, quote, gone) {
      const credential = cashuCredential(credentials);
      if (credential === undefined) return undefined;
      return accept(credential, credentials, { quote, gone });
    },
    api: createWalletApi(parts, known),
    async start() {
      const recovered = await store.write(() => recoverHolds(clock.now()), 'disk');
      await store.write(() => recoverAccounts(clock.now()), 'disk');
      parts.leases.start();
      await wallet.start();
      return recovered;
    },
    async stop() {
      await parts.tasks.idle();
      parts.leases.stop();
      await wallet.stop();
    },
  };
}

function partsOf(options: CashuOptions): PaymentParts {
  const { store, clock, log } = options;
  const waiters = createWaiters(clock);
  return {
    ...options,
    waiters,
    tasks: createTasks(store, waiters, clock),
    refusals: createRefusals(clock),
    refused: createStrikes(clock, MAX_REFUSED_PER_MINUTE),
    swaps: createStrikes(clock, MAX_SWAPS_PER_MINUTE),
    leases: createLeases(store, clock, log),
  };
}

/** A refused request waits no longer. An `X-Cashu` payer's change goes with the error where its account is idle. */
async function withChange(parts: PaymentParts, pursuit: Pursuit, error: unknown): Promise<unknown> {
  const { request } = pursuit;
  const waited = await stopWaiting(parts, pursuit);
  if (waited === undefined || !(error instanceof RouterError)) return error;
  const cuts = request.credential.scheme !== 'bearer' && !request.gone.cancelled;
  const cut = await parts.store.write(() => endOfRequest(parts, waited, cuts), 'disk');
  const mint = parts.wallet.mints.byId(waited.mint);
  if (cut?.kind !== 'cut' || mint === undefined) return error;
  const { token } = changeOf(parts, request, cut, mint);
  return error.with({ 'x-cashu': token });
}

/** Stores each price snapshot once, before the first hold that was computed with it. */
function createSnapshots(parts: Pick<PaymentParts, 'store' | 'clock'>): {
  idOf(snapshot: PriceSnapshot): Promise<string>;
} {
  const stored = new WeakMap<PriceSnapshot, string>();
  return {
    async idOf(snapshot) {
      const id = stored.get(snapshot);
      if (id !== undefined) return id;
      const fresh = snapshotId(snapshot);
      const body = formatSnapshot(snapshot);
      await parts.store.write(() => keepSnapshot(fresh, body, parts.clock.now()));
      stored.set(snapshot, fresh);
      return fresh;
    },
  };
}
