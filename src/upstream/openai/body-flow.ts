/** A promise: wait before the next chunk. */
export type OnChunk = (chunk: Buffer) => undefined | Promise<void>;

/** A body on its way from a source that can be paused to a consumer that can be slow. */
export interface BodyFlow {
  push(chunk: Buffer): void;
  /** The body is complete. */
  end(): void;
  /** The body broke off: what arrived before is still delivered. */
  fail(error: unknown): void;
  /** Nobody wants it any more: nothing else is delivered. */
  drop(error: unknown): void;
  /** Delivers what came and what comes, in order. Resolves after the end; rejects with the error. To be called once. */
  relay(onChunk: OnChunk): Promise<void>;
}

export interface FlowSource {
  pause(): void;
  resume(): void;
  /** The consumer threw `error`. */
  abort(error: unknown): void;
}

/** So much may wait for a consumer before the source is paused. */
const MAX_WAITING_BYTES = 64 * 1024;

export function createBodyFlow(source: FlowSource): BodyFlow {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let onChunk: OnChunk | undefined;
  let isBusy = false;
  let isPaused = false;
  let ending: { readonly error: unknown } | undefined;
  const ended = Promise.withResolvers<undefined>();
  // A body that nobody reads may break. Who reads it later still gets the rejection.
  ended.promise.catch(() => undefined);

  const pause = (): void => {
    if (ending !== undefined) return;
    isPaused = true;
    source.pause();
  };
  const drop = (error: unknown): void => {
    waiting.length = 0;
    ending = { error };
    ended.reject(error);
  };
  const breakOff = (error: unknown): void => {
    drop(error);
    source.abort(error);
  };
  const deliver = (): void => {
    if (onChunk === undefined || isBusy) return;
    for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
      waitingBytes -= chunk.length;
      const read = onChunk(chunk);
      if (read === undefined) continue;
      isBusy = true;
      pause();
      read.then(proceed, breakOff);
      return;
    }
    if (ending !== undefined) settle(ended, ending.error);
    else if (isPaused) {
      isPaused = false;
      source.resume();
    }
  };
  const attempt = (): void => {
    try {
      deliver();
    } catch (error) {
      breakOff(error);
    }
  };
  function proceed(): void {
    isBusy = false;
    attempt();
  }
  const finish = (error: unknown): void => {
    ending ??= { error };
    attempt();
  };

  return {
    push(chunk) {
      if (ending !== undefined) return;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      attempt();
      if (waitingBytes > MAX_WAITING_BYTES && !isPaused) pause();
    },
    end: () => finish(undefined),
    fail: finish,
    drop,
    relay(consumer) {
      onChunk = consumer;
      attempt();
      return ended.promise;
    },
  };
}

function settle(ended: PromiseWithResolvers<undefined>, error: unknown): void {
  if (error === undefined) ended.resolve(undefined);
  else ended.reject(error);
}
