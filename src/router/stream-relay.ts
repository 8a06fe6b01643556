import { RouterError } from '../lib/errors.ts';
import type { Meter } from '../metering/meter.ts';
import { readUsage } from '../metering/read-usage.ts';
import { createStreamTap } from '../openai/stream-tap.ts';
import type { StreamTap } from '../openai/stream-tap.ts';
import { WireError } from '../openai/wire-error.ts';
import type { Usage } from '../tokens/usage.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import type { UpstreamAnswer } from '../upstream/upstream.ts';
import { isAboutMoney } from './cooldown.ts';
import { createStreamMeter } from './stream-meter.ts';
import { begins, noAnswer } from './trial.ts';
import type { Outcome, Trial } from './trial.ts';
import type { Work } from './work.ts';

/** How the upstream's body ended: by itself, or by `fault`. */
interface Ending {
  readonly fault: unknown;
  /** We closed it: the payer was sent more than its hold affords. */
  readonly isCut: boolean;
}

/**
 * Relays an event stream, byte by byte as it comes, but for its usage chunk and `[DONE]`: those are held back for our own. Nothing
 * reaches the payer before the first chunk of the answer.
 */
export async function relayStream(
  work: Work,
  trial: Trial,
  answer: UpstreamAnswer,
): Promise<Outcome> {
  const tap = createStreamTap({ choices: work.order.request.n });
  trial.tap = tap;
  const ending = await relayBody(work, trial, answer, tap);
  const { gone } = work.incoming;
  if (!tap.sawChunk) return trial.isUnheard ? UNHEARD : unanswered(tap, ending.fault);
  const isComplete = tap.error === undefined && (tap.done || tap.finished);
  const usage = await usageOf(trial.meter, tap, isComplete);
  const error = isComplete || gone.cancelled ? undefined : breakOf(tap, ending);
  return { kind: 'ended', usage, error, answer: { kind: 'stream', tap } };
}

/** The payer left before the first chunk, and nobody looked at what came after. */
const UNHEARD: Outcome = {
  kind: 'failed',
  failure: new UpstreamFailure('cancelled', 'the payer left'),
};

async function relayBody(
  work: Work,
  trial: Trial,
  answer: UpstreamAnswer,
  tap: StreamTap,
): Promise<Ending> {
  const { sink } = work;
  const { stop } = trial;
  const ended = Promise.withResolvers<undefined>();
  let fault: unknown;
  let isCut = false;
  const fail = (error: unknown): void => {
    fault ??= error;
    stop.cancel();
  };
  const meter = createStreamMeter(work, trial, tap, {
    onError: fail,
    onCap() {
      isCut = true;
      stop.cancel();
    },
  });

  const onChunk = (chunk: Buffer): undefined | Promise<void> => {
    if (stop.cancelled || trial.isUnheard) return undefined;
    try {
      const bytes = tap.push(chunk);
      if (tap.done || tap.error !== undefined) ended.resolve(undefined);
      if (bytes.length === 0 || !begins(work, trial)) return undefined;
      meter.touch();
      const read = sink.write(bytes);
      if (read !== undefined) trial.wasHeldUp = true;
      return read;
    } catch (error) {
      fail(error);
      return undefined;
    }
  };
  const onRest = async (): Promise<void> => {
    try {
      const rest = tap.end();
      if (rest.length > 0 && begins(work, trial)) await sink.write(rest);
    } catch (error) {
      fail(error);
    }
  };
  const relayed = answer.relay(onChunk).catch(fail);
  // Whoever says [DONE] and keeps the connection open must not keep the payer waiting.
  await Promise.race([relayed, ended.promise]);
  meter.stop();
  closeSoon(work, trial, relayed);
  if (fault === undefined) await onRest();
  return { fault, isCut };
}

/** Lets the body end by itself, so that the connection can be used again; but not for long. */
function closeSoon(work: Work, trial: Trial, relayed: Promise<void>): void {
  const timer = setTimeout(() => trial.stop.cancel(), work.parts.limits.usageMs);
  void relayed.then(() => clearTimeout(timer));
}

async function usageOf(meter: Meter, tap: StreamTap, isComplete: boolean): Promise<Usage> {
  const said = isComplete ? readUsage(tap.usage) : undefined;
  // A usage in the middle of an answer does not cover what came after it.
  if (!isComplete) meter.reported(tap.usage);
  if (said === undefined || said.input === 0 || said.output === 0) {
    for (const text of tap.takeTexts()) meter.relayed(0, 'content', text);
  }
  if (isComplete) meter.reported(tap.usage);
  return meter.usage();
}

/** Nothing was relayed. */
function unanswered(tap: StreamTap, fault: unknown): Outcome {
  if (fault instanceof UpstreamFailure) return { kind: 'failed', failure: fault };
  if (fault instanceof WireError) return noAnswer(fault.message, fault);
  if (fault !== undefined) return { kind: 'crashed', error: fault };
  return noAnswer(tap.error === undefined ? 'the stream is empty' : 'the stream is an error');
}

/** What the payer is told of an answer that broke off. */
function breakOf(tap: StreamTap, { fault, isCut }: Ending): RouterError {
  if (isCut) {
    return new RouterError('output_limit_reached', 'The answer was cut: the payment is used up.');
  }
  const isKnown = fault instanceof UpstreamFailure || fault instanceof WireError;
  if (fault !== undefined && !isKnown) {
    return new RouterError('internal_error', 'Something went wrong on our side.', { cause: fault });
  }
  // How we pay the upstream is not the payer's business.
  const isSaid = tap.error !== undefined && !isAboutMoney(tap.error);
  const why = isSaid ? `: ${tap.error.message}` : '';
  return new RouterError('upstream_broke_stream', `The upstream broke off its answer${why}`, {
    cause: fault,
  });
}
