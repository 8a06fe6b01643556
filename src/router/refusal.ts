import { RouterError } from '../lib/errors.ts';
import { isObject } from '../openai/json-object.ts';
import { readUpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamFailure } from '../upstream/upstream.ts';
import { scopeOf } from './cooldown.ts';
import type { Wishes } from './preferences.ts';
import type { Attempt } from './report.ts';

/** Breakers let a request through that soon, or a few times later. */
const RETRY_AFTER_S = 5;

/** The upstream's refusal as ours, where it is about the request; undefined where it is about the upstream. */
export function rejectionOf(failure: UpstreamFailure): RouterError | undefined {
  const { status, body } = failure;
  if (status === undefined || !isAboutRequest(failure)) return undefined;
  const said = readUpstreamError(body);
  return new RouterError('upstream_rejected', `The upstream refused the request: ${said.message}`, {
    status,
    cause: failure,
    // Clients know some of these, as `context_length_exceeded`.
    fields: { upstream_error: { type: said.type ?? null, code: said.code ?? null } },
    ...(said.param !== undefined && { param: said.param }),
  });
}

/** What the payer sent is at fault, or not to the upstream's taste. */
export function isAboutRequest(failure: UpstreamFailure): boolean {
  const scope = scopeOf(failure);
  return scope === 'request' || scope === 'content';
}

const TOO_LONG = 'context_length_exceeded';

/** The request is too long for the upstream that refused it; another may have room for it. */
export function isTooLong(rejection: RouterError): boolean {
  const said = rejection.fields['upstream_error'];
  return isObject(said) && said['code'] === TOO_LONG;
}

/** What the payer is told when every offer failed: who was asked, by their ids, and in a word or two what came of it. */
export function unavailable({
  attempts,
  failures,
  passedOver,
}: {
  readonly attempts: readonly Attempt[];
  readonly failures: readonly UpstreamFailure[];
  readonly passedOver: readonly Attempt[];
}): RouterError {
  const tried = [...attempts, ...passedOver];
  if (tried.length === 0) return noUpstream();
  const names = tried.map(({ provider, failure }) => `${provider} (${failure})`).join(', ');
  const isLate = failures.length > 0 && failures.every(({ kind }) => kind === 'timeout');
  const waits = failures.flatMap(({ retryAfterS }) => retryAfterS ?? []);
  return new RouterError(
    isLate ? 'upstream_timeout' : 'upstream_unavailable',
    `No upstream could answer. Tried: ${names}.`,
    {
      cause: failures.at(-1),
      fields: { tried },
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
