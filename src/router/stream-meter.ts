import type { StreamTap } from '../openai/stream-tap.ts';
import type { Trial } from './trial.ts';
import type { Work } from './work.ts';

/** Counts a stream while it runs, beside it: no chunk waits for a count. */
export interface StreamMeter {
  /** Bytes were relayed. */
  touch(): void;
  stop(): void;
}

export interface StreamMeterEvents {
  /** Our own count says that the payer was sent more than its hold affords. */
  onCap(): void;
  onError(error: unknown): void;
}

/** So many bytes are given to the meter at once: a megabyte takes some milliseconds to look through. */
const FEED_BYTES = 1024 * 1024;

/**
 * The upstream was told the limit, in its own tokens; ours are not the same, and of a short text may be several times as many. So
 * an honest answer is never cut; one that ignores its limit is.
 */
const FOREIGN_TOKENS = 1.25;
const FOREIGN_TOKENS_OF_SHORT_TEXT = 64;

export function createStreamMeter(
  work: Work,
  trial: Trial,
  tap: StreamTap,
  events: StreamMeterEvents,
): StreamMeter {
  const { meter, cap } = trial;
  let timer: NodeJS.Timeout | undefined;
  let fedBytes = 0;
  let isStopped = false;

  const feed = (): void => {
    fedBytes = tap.relayedBytes;
    for (const text of tap.takeTexts()) meter.relayed(0, 'content', text);
  };
  const count = async (): Promise<void> => {
    feed();
    const usage = await meter.usage();
    if (isStopped) return;
    timer = undefined;
    trial.metered = trial.chargeOf(usage);
    work.payment.meter(trial.metered);
    if (usage.output > cap * FOREIGN_TOKENS + FOREIGN_TOKENS_OF_SHORT_TEXT) events.onCap();
  };
  const tick = (): void => {
    count().catch((error: unknown) => events.onError(error));
  };

  return {
    touch() {
      timer ??= setTimeout(tick, work.parts.limits.meterMs);
      if (tap.relayedBytes - fedBytes > FEED_BYTES) feed();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
