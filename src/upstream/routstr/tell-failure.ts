import type { Observation } from '../observation.ts';
import { UpstreamFailure } from '../upstream.ts';
import { codeOf } from './node-client.ts';

export interface FailureListener {
  readonly observe: (observation: Observation) => void;
}

/** Below 500, too, a node says with them that it does not serve a request at which nothing is wrong. */
const NOT_SERVED: ReadonlySet<number> = new Set([402, 425, 429]);
/** Other requests of ours have what lies there: we could have put more there. */
const OUR_LIMIT = 'balance_in_use';

/** Tells that a node did not serve a request, where that says something about the node. */
export function tellFailure({ observe }: FailureListener, error: unknown): void {
  if (!(error instanceof UpstreamFailure)) return;
  const { kind, status = 0, body } = error;
  if (kind === 'cancelled' || kind === 'unaffordable') return;
  if (kind === 'status' && status < 500 && !NOT_SERVED.has(status)) return;
  if (status === 429 && codeOf(body) === OUR_LIMIT) return;
  observe({ kind: 'failed', what: kind === 'status' ? `status ${status}` : kind });
}
