import { renew } from '../../ledger/holds.ts';
import { maxMsat, ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createRoster } from '../../lib/roster.ts';
import type { Store } from '../../store/store.ts';

/** DESIGN.md money rule 7: a stream is metered every second, and that is on record so much later: less than 2 s in all. */
const RENEW_MS = 500;

export interface Lease {
  /** What the answer costs so far; never goes down. */
  meter(charge: Msat): void;
  end(): void;
}

export interface Leases {
  begin(hold: bigint): Lease;
  start(): void;
  stop(): void;
}

/** Renews the leases of all running holds, with what they metered, in one commit per interval. */
export function createLeases(store: Store, clock: Clock, log: Log): Leases {
  const running = createRoster<{ readonly hold: bigint; metered: Msat; written: Msat }>();
  let timer: NodeJS.Timeout | undefined;

  async function renewAll(): Promise<void> {
    const due = running.all().filter((lease) => lease.metered > lease.written);
    await Promise.all(
      due.map(async (lease) => {
        const { hold, metered } = lease;
        await store.write(() => renew(hold, metered, clock.now()));
        lease.written = metered;
      }),
    );
  }

  return {
    begin(hold) {
      const lease = { hold, metered: ZERO_MSAT, written: ZERO_MSAT };
      const end = running.add(lease);
      return {
        meter(charge) {
          lease.metered = maxMsat(lease.metered, charge);
        },
        end,
      };
    },
    start() {
      timer = setInterval(() => {
        renewAll().catch((error: unknown) => {
          log.error({ err: error }, 'leases could not be renewed');
        });
      }, RENEW_MS).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
