import { RouterError } from '../lib/errors.ts';
import { readUpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamFailure } from '../upstream/upstream.ts';
import type { Attempt } from './report.ts';

/** Statuses by which an upstream refuses the request itself: no other would take it. */
const REFUSES_REQUEST: ReadonlySet<number> = new Set([400, 413, 422]);

/** Breakers let a request through that soon, or a few times later. */
const RETRY_AFTER_S = 5;

/** The upstream's refusal as ours, where the request is at fault; undefined where another upstream may do better. */
export function rejectionOf(failure: UpstreamFailure): RouterError | undefined {
  const { kind, status, body } = failure;
  if (kind !== 'status' || status === undefined) return undefined;
  const said = readUpstreamError(body);
  if (!REFUSES_REQUEST.has(status) && !(status === 404 && isAboutContent(said))) return undefined;
  return new RouterError('upstream_rejected', `The upstream refused the request: ${said.message}`, {
    status,
    cause: failure,
    // Clients know some of these, as `context_length_exceeded`.
    fields: { upstream_error: { type: said.type ?? null, code: said.code ?? null } },
    ...(said.param !== undefined && { param: said.param }),
  });
}

/** A 404 is mostly about the model, which is a fault of our configuration; but a file or an image may be meant. */
function isAboutContent({ param, code }: UpstreamError): boolean {
  return param !== undefined && param !== 'model' && code !== 'model_not_found';
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
    { cause, ...(waits.length > 0 && { retryAfterS: Math.min(...waits) }) },
  );
}

/** All upstreams of the model are left alone at present. */
export function noUpstream(): RouterError {
  const options = { retryAfterS: RETRY_AFTER_S };
  return new RouterError('no_upstream', 'No upstream of this model is up at present.', options);
}
