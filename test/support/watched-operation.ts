import type { Call, Operation } from '../../src/store/operation.ts';

/** The same operation; `onCall` hears of each statement before it runs. */
export function* watchedOperation<T>(
  steps: Operation<T>,
  onCall: (call: Call) => void,
): Operation<T> {
  let step = steps.next();
  while (step.done !== true) {
    onCall(step.value);
    let answer: unknown;
    try {
      answer = yield step.value;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}
