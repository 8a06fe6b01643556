import type { RouterError } from '../lib/errors.ts';
import type { Settlement } from '../payment/rail.ts';

/** What the payer learns of the cost, ready for JSON. */
export interface Cost {
  readonly settlement: Settlement;
  /** The wire `usage` object of the answer (upstream's own where sane, else ours), without `cost`. */
  readonly usage: Readonly<Record<string, unknown>>;
}

/** Where an answer goes; the router pushes. One per HTTP request. */
export interface Sink {
  /** True from the first byte: from then on errors travel inside the stream. */
  readonly started: boolean;
  /** Sends the head (status 200 and headers) if not sent, then the bytes. A promise means: wait before the next chunk. */
  write(chunk: Buffer): undefined | Promise<void>;
  /** Ends a stream: our last chunk with usage, cost and change, then `[DONE]`. */
  endStream(last: Buffer): void;
  /** Answers a complete JSON body with the settlement's headers. */
  endJson(body: Buffer, settlement: Settlement): void;
  /** Ends with an error: a status and JSON body where nothing was sent, else an error chunk. `settlement` where one was made. */
  fail(error: RouterError, settlement: Settlement | undefined): void;
}
