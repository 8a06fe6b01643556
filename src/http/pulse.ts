import type { ServerResponse } from 'node:http';

import type { Cancel } from '../lib/cancel.ts';

/** Watches one answer at a steady beat: keeps a silent stream alive, and drops a payer that has stopped reading. */
export interface Pulse {
  /** Notes what was written to the stream. */
  wrote(chunk: Buffer): void;
  /** Resolves when the payer has read what waits, or is gone. */
  untilRead(): Promise<void>;
  beat(): void;
}

export interface PulseLimits {
  /** Beats of silence before a comment keeps the stream alive. */
  readonly keepAliveBeats: number;
  /** Beats without a byte read before the payer counts as gone. */
  readonly stallBeats: number;
}

const KEEP_ALIVE = Buffer.from(': keep-alive\n\n');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export function createPulse(raw: ServerResponse, gone: Cancel, limits: PulseLimits): Pulse {
  let quietBeats = 0;
  let stalledBeats = 0;
  let isBetweenEvents = false;
  let resume: (() => void) | undefined;
  const wake = (): void => {
    const waiting = resume;
    resume = undefined;
    waiting?.();
  };
  gone.onCancel(wake);

  return {
    wrote(chunk) {
      quietBeats = 0;
      isBetweenEvents = endsEvent(chunk);
    },
    untilRead() {
      stalledBeats = 0;
      return new Promise((resolve) => {
        resume = resolve;
        raw.once('drain', wake);
      });
    },
    beat() {
      if (resume !== undefined || (raw.writableEnded && !raw.writableFinished)) {
        stalledBeats += 1;
        if (stalledBeats >= limits.stallBeats) raw.destroy();
        return;
      }
      quietBeats += 1;
      if (quietBeats < limits.keepAliveBeats || !isBetweenEvents || raw.writableEnded) return;
      quietBeats = 0;
      raw.write(KEEP_ALIVE);
    },
  };
}

/** An event ends with an empty line. A comment may stand only there: an upstream's pieces may end anywhere. */
function endsEvent(chunk: Buffer): boolean {
  const { length } = chunk;
  if (chunk[length - 1] !== LINE_FEED) return false;
  if (chunk[length - 2] === LINE_FEED) return true;
  return chunk[length - 2] === CARRIAGE_RETURN && chunk[length - 3] === LINE_FEED;
}
