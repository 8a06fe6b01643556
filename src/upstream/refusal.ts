import { parseJson } from '../openai/json-object.ts';
import { readUpstreamError } from '../openai/upstream-error.ts';
import type { Exchange, Link } from './exchange.ts';
import { retryAfterOf } from './failure.ts';
import { headerOf } from './headers.ts';
import { collect } from './small-body.ts';
import { UpstreamFailure } from './upstream.ts';

const LIMITS = { maxBytes: 16 * 1024, timeoutMs: 5000 };

/** An answer that is not 200, read. */
export interface Refusal {
  readonly failure: UpstreamFailure;
  /** The body as JSON; undefined where it is none or could not be read. */
  readonly json: unknown;
}

/** Never rejects: where the body cannot be read, the status says enough. `secrets` are blotted out of the failure's body. */
export async function readRefusal(
  link: Link,
  exchange: Exchange,
  secrets: readonly string[],
): Promise<Refusal> {
  const { status, headers } = exchange;
  const retryAfterS = retryAfterOf(headerOf(headers, 'retry-after'));
  const said = { status, ...(retryAfterS === undefined ? {} : { retryAfterS }) };
  const message = `the upstream answered ${status}`;
  try {
    const json = parseJson((await collect(link, exchange, LIMITS)).toString());
    const body = { error: readUpstreamError(json, secrets) };
    return { failure: new UpstreamFailure('status', message, { ...said, body }), json };
  } catch (cause) {
    return { failure: new UpstreamFailure('status', message, { ...said, cause }), json: undefined };
  }
}
