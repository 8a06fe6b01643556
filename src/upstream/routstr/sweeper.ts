import type { Clock } from '../../lib/clock.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { callBack } from './call-back.ts';
import type { CallBackParts } from './call-back.ts';
import { clarify } from './clarify.ts';
import type { Exposure } from './exposure.ts';

/** Sees to the accounts that no request uses. */
export interface Sweeper {
  /** There may be something to do for this account now. */
  look(account: Account): void;
  /** Does what is due, once. */
  sweep(): Promise<void>;
  /** Retires the accounts at a node, or all, and has back, once, what no request uses. */
  recall(node: string | undefined): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export interface SweeperParts extends CallBackParts {
  readonly exposure: Exposure;
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

const INTERVAL_MS = 1_000;
const IDLE_MS = 600_000;
/** Calls to nodes at a time: they are in nobody's way, and nobody waits for them. */
const MAX_AT_ONCE = 8;

export function createSweeper(parts: SweeperParts): Sweeper {
  const { exposure, accounts, clock, onError } = parts;
  const busy = new Map<Account, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  /** False when it cannot begin yet. */
  const begin = (account: Account): boolean => {
    if (isStopped) return true;
    if (busy.size >= MAX_AT_ONCE || busy.has(account)) return false;
    const errand = errandFor(account);
    if (errand === undefined) return true;
    const done = errand(account)
      .catch(onError)
      .finally(() => busy.delete(account));
    busy.set(account, done);
    return true;
  };

  function errandFor(account: Account): ((account: Account) => Promise<void>) | undefined {
    const { row, running, unclearMsat, isRetired } = account;
    if (running > 0) return undefined;
    const now = clock.now();
    if (row.state === 'draining') return Number(row.next_at_ms) <= now ? recall : undefined;
    const isIdle = Number(row.used_at_ms) + IDLE_MS <= now;
    if (row.kind === 'request' || row.state === 'opening' || isRetired || isIdle) return retire;
    if (unclearMsat === 0n) return undefined;
    return account.askAtMs <= now ? clear : undefined;
  }

  const recall = async (account: Account): Promise<void> => callBack(parts, account);

  async function retire(account: Account): Promise<void> {
    account.isRetired = true;
    await accounts.drain(account);
    await recall(account);
  }

  async function clear(account: Account): Promise<void> {
    if (!(await clarify(parts, account)) && account.running === 0) await retire(account);
  }

  const beginAll = (): void => {
    for (const account of exposure.all()) begin(account);
  };

  async function seeTo(accounts: readonly Account[]): Promise<void> {
    let left = accounts;
    do {
      left = left.filter((account) => !begin(account));
      await Promise.all(busy.values());
    } while (left.length > 0);
  }

  return {
    look(account) {
      begin(account);
    },
    sweep: async () => seeTo(exposure.all()),
    async recall(node) {
      const retired = node === undefined ? exposure.all() : exposure.of(node);
      for (const account of retired) account.isRetired = true;
      await seeTo(retired);
    },
    start() {
      timer = setInterval(beginAll, INTERVAL_MS).unref();
      beginAll();
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await Promise.all(busy.values());
    },
  };
}
