import type { Crypto } from '../crypto/crypto.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import type { Seeds } from '../wallet/seeds.ts';
import type { Wallet } from '../wallet/wallet.ts';

export interface TreasuryOptions {
  readonly store: Store;
  readonly wallet: Wallet;
  readonly crypto: Crypto;
  readonly seeds: Seeds;
  readonly clock: Clock;
  readonly log: Log;
}
