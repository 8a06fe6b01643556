import type { Call, Operation } from '../../src/store/operation.ts';
import type { Store } from '../../src/store/store.ts';
import { watchedOperation } from './watched-operation.ts';

/** Where a router dies: in the middle of a transaction, which is then never committed, or just after its commit. */
export interface Death {
  readonly when: 'at' | 'after';
  /** Start of the statement. */
  readonly statement: string;
  /** The statement is reached so many times first. */
  readonly skip?: number;
}

/** A store whose process can be killed: from then on nothing is read or written any more. */
export interface MortalStore {
  readonly store: Store;
  readonly isDead: boolean;
  dieAt(death: Death): void;
  die(): void;
}

export function mortalStore(real: Store): MortalStore {
  let death: Death | undefined;
  let skip = 0;
  let isDead = false;

  const isReached = (call: Call): boolean =>
    death !== undefined && call.query.sql.startsWith(death.statement) && skip-- <= 0;

  const store: Store = {
    async read(operation) {
      if (isDead) throw new Error('the process was killed');
      return real.read(operation);
    },
    async write(operation, durability) {
      let diesAfter = false;
      const onCall = (call: Call): void => {
        if (!isReached(call)) return;
        if (death?.when === 'after') diesAfter = true;
        else isDead = true;
      };
      const result = await real.write(() => {
        if (isDead) throw new Error('the process was killed');
        return mortal(watchedOperation(operation(), onCall));
      }, durability);
      isDead ||= diesAfter;
      if (isDead) throw new Error('the process was killed');
      return result;
    },
    close: () => real.close(),
  };

  /** What died in the middle is not committed. */
  function* mortal<T>(steps: Operation<T>): Operation<T> {
    const result = yield* steps;
    if (isDead) throw new Error('the process was killed');
    return result;
  }

  return {
    store,
    get isDead() {
      return isDead;
    },
    dieAt(place) {
      death = place;
      skip = place.skip ?? 0;
    },
    die() {
      isDead = true;
    },
  };
}
