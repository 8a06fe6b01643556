import type { Call, Operation } from './operation.ts';

/** The database itself is in trouble (disk full, I/O error, corrupt): no operation may decide anything on that. */
export class StorageFailure extends Error {
  override readonly name = 'StorageFailure';

  constructor(cause: unknown) {
    super('the database failed', { cause });
  }
}

/**
 * Runs an operation to its end without ever awaiting. A statement's error is thrown into the operation, at its yield, so that
 * it may handle it; what it does not handle is thrown from here. A StorageFailure and a yield of anything but a Call end the
 * operation where it stands.
 */
export function drive<T>(operation: () => Operation<T>, execute: (call: Call) => unknown): T {
  const steps = operation();
  let step = steps.next();
  while (step.done !== true) {
    if (!isCall(step.value)) throw new TypeError('an operation yielded something else than a call');
    let result: unknown;
    try {
      result = execute(step.value);
    } catch (error) {
      if (error instanceof StorageFailure) throw error;
      step = steps.throw(error);
      continue;
    }
    step = steps.next(result);
  }
  return step.value;
}

function isCall(value: unknown): value is Call {
  return typeof value === 'object' && value !== null && 'query' in value && 'params' in value;
}
