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
  const waiting = createWaitingChunks();
  let isBusy = false;
  let isPaused = false;
  let ending: { readonly error: unknown } | undefined;
  let onChunk: OnChunk | undefined;
  const ended = Promise.withResolvers<undefined>();
  // A body that nobody reads may break. Who reads it later still gets the rejection.
  ended.promise.catch(() => undefined);

  const setPaused = (paused: boolean): void => {
    if (isPaused === paused) return;
    isPaused = paused;
    if (paused) source.pause();
    else source.resume();
  };
  const drop = (error: unknown): void => {
    waiting.clear();
    ending = { error };
    ended.reject(error);
  };
  const breakOff = (error: unknown): void => {
    drop(error);
    source.abort(error);
  };
  const deliverWaiting = (consumer: OnChunk): void => {
    for (let chunk = waiting.take(); chunk !== undefined; chunk = waiting.take()) {
      const read = consumer(chunk);
      if (read === undefined) continue;
      isBusy = true;
      read.then(proceed, breakOff);
      return;
    }
  };
  /** After every event: delivers what can be delivered, then sees to the source. */
  const advance = (): void => {
    try {
      if (onChunk !== undefined && !isBusy) deliverWaiting(onChunk);
    } catch (error) {
      breakOff(error);
    }
    if (ending === undefined) setPaused(isBusy || waiting.bytes > MAX_WAITING_BYTES);
    else if (onChunk !== undefined && !isBusy) settle(ended, ending.error);
  };
  function proceed(): void {
    isBusy = false;
    advance();
  }
  const finish = (error: unknown): void => {
    ending ??= { error };
    advance();
  };

  return {
    push(chunk) {
      if (ending !== undefined) return;
      waiting.add(chunk);
      advance();
    },
    end: () => finish(undefined),
    fail: finish,
    drop,
    relay(consumer) {
      onChunk = consumer;
      advance();
      return ended.promise;
    },
  };
}

function settle(ended: PromiseWithResolvers<undefined>, error: unknown): void {
  if (error === undefined) ended.resolve(undefined);
  else ended.reject(error);
}

function createWaitingChunks() {
  const chunks: Buffer[] = [];
  const waiting = {
    bytes: 0,
    add(chunk: Buffer): void {
      chunks.push(chunk);
      waiting.bytes += chunk.length;
    },
    take(): Buffer | undefined {
      const chunk = chunks.shift();
      waiting.bytes -= chunk?.length ?? 0;
      return chunk;
    },
    clear(): void {
      chunks.length = 0;
      waiting.bytes = 0;
    },
  };
  return waiting;
}
