import type { Msat } from '../lib/amount.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
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
    if (stream) return await relayStream(work, trial, answer);
    const outcome = await relayJson(work, trial, answer);
    if (outcome.kind === 'ended') begins(work, trial);
    return outcome;
  } catch (error) {
    return error instanceof UpstreamFailure
      ? { kind: 'failed', failure: error }
      : { kind: 'crashed', error };
  } finally {
    unwatch();
  }
}
