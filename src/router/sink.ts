import type { RouterError } from '../lib/errors.ts';
import type { Settlement } from '../payment/rail.ts';

/** Where an answer goes; the router pushes. One per HTTP request. It never throws: a payer that left shows in `gone`. */
export interface Sink {
  /** True from the first byte: from then on errors travel inside the stream. */
  readonly started: boolean;
  /** Sets a header of the answer. Without effect once the first byte was sent. */
  header(name: string, value: string): void;
  /**
   * Sends bytes of an event stream, before them the head if it was not sent yet. A promise means: wait before the next
   * chunk; it resolves when the payer has read, or is gone.
   */
  write(chunk: Buffer): undefined | Promise<void>;
  /** Ends a stream with its last bytes. */
  endStream(last: Buffer): void;
  /** Answers a complete JSON body, with the headers of its settlement. */
  endJson(body: Buffer, settlement: Settlement): void;
  /**
   * Answers an error, with the headers of the settlement where one was made. Where bytes were sent already, the stream ends with
   * the error.
   */
  fail(error: RouterError, settlement: Settlement | undefined): void;
}
