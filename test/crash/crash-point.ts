import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

import type { Call } from '../../src/store/operation.ts';
import type { Store } from '../../src/store/store.ts';
import { watchedOperation } from '../support/watched-operation.ts';

/** Where the router can die by itself: at a statement of a transaction that is never committed, or just after its commit. */
interface Place {
  readonly when: 'at' | 'after';
  is(call: Call): boolean;
}

const starts =
  (text: string) =>
  ({ query }: Call): boolean =>
    query.sql.startsWith(text);

const isJournal = starts('INSERT INTO operation (');
const isCapture = starts(`UPDATE hold SET state = 'captured'`);
const isGift = starts(`UPDATE coin SET state = 'given'`);
const isApply = (call: Call): boolean =>
  starts('UPDATE operation SET state = ?')(call) && call.params[0] === 'applied';

export const CRASH_POINTS = {
  'before-journal': { when: 'at', is: isJournal },
  'after-journal': { when: 'after', is: isJournal },
  'before-apply': { when: 'at', is: isApply },
  'after-apply': { when: 'after', is: isApply },
  'before-capture': { when: 'at', is: isCapture },
  'after-capture': { when: 'after', is: isCapture },
  'before-gift': { when: 'at', is: isGift },
  'after-gift': { when: 'after', is: isGift },
} as const satisfies Record<string, Place>;

const isDeposit = starts('INSERT INTO node_account (');
const isCharge = starts('UPDATE node_account SET charged_msat = charged_msat + ?');
const isChange = starts('UPDATE node_account SET change = ?');
const isReturn = starts('UPDATE node_account SET returned_msat = returned_msat + ?');

/** Only a router that buys from nodes passes these. */
export const PURCHASE_POINTS = {
  'before-deposit': { when: 'at', is: isDeposit },
  'after-deposit': { when: 'after', is: isDeposit },
  'before-charge': { when: 'at', is: isCharge },
  'after-charge': { when: 'after', is: isCharge },
  'before-change': { when: 'at', is: isChange },
  'after-change': { when: 'after', is: isChange },
  'before-return': { when: 'at', is: isReturn },
  'after-return': { when: 'after', is: isReturn },
} as const satisfies Record<string, Place>;

const PLACES = { ...CRASH_POINTS, ...PURCHASE_POINTS };

export type CrashPoint = keyof typeof PLACES;

export function isCrashPoint(name: string): name is CrashPoint {
  return Object.hasOwn(PLACES, name);
}

/** The same store, but the process dies by SIGKILL when the point is reached for the `nth` time; `proof` then names it. */
export function crashingStore(
  store: Store,
  plan: { readonly point: CrashPoint; readonly nth: number; readonly proof: string },
): Store {
  const place: Place = PLACES[plan.point];
  let reached = 0;

  const pass = (): void => {
    reached += 1;
    if (reached === plan.nth) die(plan.point, plan.proof);
  };

  return {
    read: (operation) => store.read(operation),
    close: () => store.close(),
    async write(operation, durability) {
      const hits: Call[] = [];
      const onCall = (call: Call): void => {
        if (!place.is(call)) return;
        if (place.when === 'at') pass();
        else hits.push(call);
      };
      const result = await store.write(() => watchedOperation(operation(), onCall), durability);
      if (hits.length > 0) pass();
      return result;
    },
  };
}

function die(point: CrashPoint, proof: string): void {
  const file = openSync(proof, 'a', 0o600);
  writeSync(file, `${point}\n`);
  fsyncSync(file);
  closeSync(file);
  process.kill(process.pid, 'SIGKILL');
}
