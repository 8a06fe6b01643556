import type { Msat } from '../lib/amount.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import type { UpstreamAnswer } from '../upstream/upstream.ts';
import { bodyFor } from './forward.ts';
import { relayJson } from './json-relay.ts';
import { relayStream } from './stream-relay.ts';
import { begins, noAnswer, watchPayer } from './trial.ts';
import type { Outcome, Trial } from './trial.ts';
import type { Work } from './work.ts';

/** One try, to its end. Never rejects. */
export async function attempt(work: Work, trial: Trial): Promise<Outcome> {
  const { offer, stop } = trial;
  const { stream } = work.order.request;
  const unwatch = watchPayer(work, trial);
  try {
    const firstByteTimeoutMs = stream ? offer.firstByteTimeoutMs : offer.answerTimeoutMs;
    const request = {
      body: bodyFor(work.order, offer, trial.imposed),
      stream,
      requestId: work.incoming.requestId,
      firstByteTimeoutMs,
      model: offer.upstreamModel,
      maxCost: trial.maxCost,
      cost: offer.cost,
      hops: work.incoming.hops,
      onBilled: (listener: (charge: Msat) => void) => void trial.onBilled.push(listener),
    };
    const answer = await offer.upstream.send(request, stop);
    if (answer.kind !== (stream ? 'stream' : 'json')) {
      stop.cancel();
      return noAnswer(`the answer came as ${answer.kind}`);
    }
    trial.headers = answer.headers;
    return await inTime(work, trial, () => relay(work, trial, answer));
  } catch (error) {
    return error instanceof UpstreamFailure
      ? { kind: 'failed', failure: error }
      : { kind: 'crashed', error };
  } finally {
    unwatch();
  }
}

async function relay(work: Work, trial: Trial, answer: UpstreamAnswer): Promise<Outcome> {
  if (work.order.request.stream) return relayStream(work, trial, answer);
  const outcome = await relayJson(work, trial, answer);
  if (outcome.kind === 'ended') begins(work, trial);
  return outcome;
}

/**
 * Comments in a stream, or spaces before the JSON, keep a connection alive; but who sends nothing else is late. To be counted from
 * the first byte, which has its own limit.
 */
async function inTime(
  { order }: Work,
  trial: Trial,
  relayed: () => Promise<Outcome>,
): Promise<Outcome> {
  const { upstream, firstByteTimeoutMs, answerTimeoutMs } = trial.offer;
  // Own upstreams queue requests, and say so.
  const isShort = order.request.stream && upstream.buying !== undefined;
  const state = { isLate: false };
  const timer = setTimeout(
    () => {
      if (trial.begunAtMs !== undefined) return;
      state.isLate = true;
      trial.stop.cancel();
    },
    isShort ? firstByteTimeoutMs : answerTimeoutMs,
  );
  try {
    const outcome = await relayed();
    return state.isLate ? { kind: 'failed', failure: TOO_LATE } : outcome;
  } catch (error) {
    throw state.isLate ? TOO_LATE : error;
  } finally {
    clearTimeout(timer);
  }
}

const TOO_LATE = new UpstreamFailure('timeout', 'no answer came, only signs of life');
