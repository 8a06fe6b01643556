import { UpstreamFailure } from '../upstream/upstream.ts';
import { scopeOf } from './cooldown.ts';
import { isAboutRequest } from './refusal.ts';
import type { Routing } from './routing.ts';
import type { Speed } from './track.ts';
import type { Outcome, Trial } from './trial.ts';

const BROKE_OFF = new UpstreamFailure('broken', 'the stream broke off');

/** What the end of a try teaches for the next requests: to the breaker, the cooldowns and the track of its offer. */
export function learn(routing: Routing, trial: Trial, outcome: Outcome): void {
  const { breaker, provider, upstreamModel: model } = trial.offer;
  const { tracks } = routing;
  if (outcome.kind === 'crashed') {
    tracks.abandoned(provider, model, undefined);
  } else if (outcome.kind === 'failed') {
    learnFailure(routing, trial, outcome.failure);
  } else if (outcome.error?.code === 'upstream_broke_stream') {
    tracks.failed(provider, model);
    breaker.failed(BROKE_OFF);
  } else {
    breaker.succeeded();
    tracks.answered(provider, model, speedOf(routing, trial, outcome));
  }
}

function learnFailure(routing: Routing, trial: Trial, failure: UpstreamFailure): void {
  const { breaker, provider, upstreamModel: model, upstream } = trial.offer;
  const scope = scopeOf(failure);
  const isOfRequest = isAboutRequest(failure);
  const isNotItsFault = failure.kind === 'cancelled' || isOfRequest || scope === 'purse';
  if (isNotItsFault) routing.tracks.abandoned(provider, model, trial.silentMs);
  else routing.tracks.failed(provider, model);
  const isBought = upstream.buying !== undefined;
  routing.cooldowns.failed({ provider, model }, { failure, isBought });
  if (scope !== 'mint' && !isOfRequest) breaker.failed(failure);
}

function speedOf(
  { clock }: Routing,
  { startedAtMs, begunAtMs, wasHeldUp }: Trial,
  { answer, usage }: Extract<Outcome, { kind: 'ended' }>,
): Speed | undefined {
  if (answer.kind !== 'stream' || begunAtMs === undefined) return undefined;
  return {
    firstByteMs: begunAtMs - startedAtMs,
    tokens: usage.output,
    // The payer was slower than the upstream: that says nothing about the upstream.
    tokensMs: wasHeldUp ? 0 : clock.now() - begunAtMs,
  };
}
