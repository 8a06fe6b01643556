import type { Crypto } from '../../crypto/crypto.ts';
import type { ChangeMode } from '../../ledger/sql.ts';
import type { Msat } from '../../lib/amount.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import type { Seeds } from '../../wallet/seeds.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import type { Refusals } from './refusals.ts';
import type { Strikes } from './strikes.ts';
import type { Tasks } from './tasks.ts';
import type { Waiters } from './waiters.ts';

export interface CashuOptions {
  readonly store: Store;
  readonly wallet: Wallet;
  readonly crypto: Crypto;
  readonly seeds: Seeds;
  readonly clock: Clock;
  readonly log: Log;
  /** What a Bearer token's change does unless its request says otherwise. */
  readonly bearerChange: ChangeMode;
  /** A mint's accounts together may hold no more than this: it could fail, or print. */
  readonly maxOpenPerMint: Msat;
}

/** What the files of this folder share. */
export interface CashuParts extends CashuOptions {
  readonly tasks: Tasks;
  readonly waiters: Waiters;
  readonly refusals: Refusals;
  /** Tokens that a mint refused, or left unclear, per address. */
  readonly refused: Strikes;
  /** Swaps that a payer can cause at will (reclaim, refund), per address. */
  readonly swaps: Strikes;
}
