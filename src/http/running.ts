import { createRoster } from '../lib/roster.ts';
import type { HttpSink } from './sink.ts';

/** One answer in work. */
export interface RunningAnswer {
  readonly sink: HttpSink;
  /** Closes the payer's connection. */
  readonly hangUp: () => void;
}

/** The answers in work. fastify does not know of them: their replies are hijacked. */
export interface Running {
  readonly size: number;
  readonly streams: number;
  /** Returns a function to be called once, when the answer has ended. */
  add(answer: RunningAnswer): () => void;
  /**
   * Resolves when no answer is in work. After `timeoutMs` the remaining connections are closed, so that their requests settle for
   * what they were sent; resolves when they have.
   */
  finished(timeoutMs: number): Promise<void>;
  /** Ends the beat. */
  stop(): void;
}

/** Starts the beat that keeps silent streams alive: one timer for all of them. */
export function createRunning(beatMs: number): Running {
  const answers = createRoster<RunningAnswer>();
  let onEmpty: (() => void)[] = [];
  const beat = setInterval(() => {
    for (const { sink } of answers.all()) sink.beat();
  }, beatMs);
  beat.unref();
  const tellEmpty = (): void => {
    const waiting = onEmpty;
    onEmpty = [];
    for (const resolve of waiting) resolve();
  };

  return {
    get size() {
      return answers.size;
    },
    get streams() {
      let streams = 0;
      for (const { sink } of answers.all()) if (sink.started) streams += 1;
      return streams;
    },
    add(answer) {
      const leave = answers.add(answer);
      return () => {
        leave();
        if (answers.size === 0) tellEmpty();
      };
    },
    async finished(timeoutMs) {
      if (answers.size === 0) return;
      const deadline = setTimeout(() => {
        for (const { hangUp } of answers.all()) hangUp();
      }, timeoutMs);
      await new Promise<void>((resolve) => onEmpty.push(resolve));
      clearTimeout(deadline);
    },
    stop: () => clearInterval(beat),
  };
}
