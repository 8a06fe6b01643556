import { RouterError } from '../lib/errors.ts';
import { readUpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamFailure } from '../upstream/upstream.ts';
import { scopeOf } from './cooldown.ts';
import type { Wishes } from './preferences.ts';
import type { Attempt } from './report.ts';

/** Breakers let a request through that soon, or a few times later. */
const RETRY_AFTER_S = 5;

/** The upstream's refusal as ours, where the request is at fault; undefined where another upstream may do better. */
export function rejectionOf(failure: UpstreamFailure): RouterError | undefined {
  const { status, body } = failure;
  if (status === undefined || scopeOf(failure) !== 'request') return undefined;
  const said = readUpstreamError(body);
  return new RouterError('upstream_rejected', `The upstream refused the request: ${said.message}`, {
    status,
    cause: failure,
    // Clients know some of these, as `context_length_exceeded`.
    fields: { upstream_error: { type: said.type ?? null, code: said.code ?? null } },
    ...(said.param !== undefined && { param: said.param }),
  });
}

/** What the payer is told when every offer failed. `failures` belong to `attempts`, one by one. */
export function unavailable(
  attempts: readonly Attempt[],
  failures: readonly UpstreamFailure[],
): RouterError {
  if (failures.length === 0) return noUpstream();
  const tried = attempts.map(({ provider, failure }) => `${provider} (${failure})`).join(', ');
  const cause = failures.at(-1);
  const isLate = failures.every(({ kind }) => kind === 'timeout');
  const waits = failures.flatMap(({ retryAfterS }) => retryAfterS ?? []);
  return new RouterError(
    isLate ? 'upstream_timeout' : 'upstream_unavailable',
    `No upstream could answer. Tried: ${tried}.`,
    {
      cause,
      fields: { tried: attempts },
      ...(waits.length > 0 && { retryAfterS: Math.min(...waits) }),
    },
  );
}

/** All upstreams of the model are left alone at present. */
export function noUpstream(): RouterError {
  const options = { retryAfterS: RETRY_AFTER_S };
  return new RouterError('no_upstream', 'No upstream of this model is up at present.', options);
}

/** The request itself says who may answer it, and of these nobody serves the model, or not at its price. */
export function nobodyAdmitted({ preferences, pin }: Wishes): RouterError {
  const { maxPrice } = preferences;
  const what = maxPrice === undefined ? 'admits' : 'admits, at the price that it sets';
  const message = `None of the providers that the request ${what}, serves this model.`;
  const param = pin === undefined ? 'provider' : undefined;
  return new RouterError('no_matching_provider', message, {
    ...(param !== undefined && { param }),
  });
}
