/**
 * `refused`: the address is one that is never dialled. `unreachable`: no complete answer came. `timeout`: not in time. `too_large`,
 * `malformed`: an answer that is not read. `closed`: the guard was closed meanwhile.
 */
export type GuardFault =
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'too_large'
  | 'malformed'
  | 'closed';

/** Why an announced address was not asked, or not heard. */
export class GuardError extends Error {
  override readonly name = 'GuardError';
  readonly fault: GuardFault;

  constructor(fault: GuardFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}
