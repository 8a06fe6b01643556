/** A mint that is not ours, in a process of its own, with a state that outlives its restarts and is gone when it is disposed of. */
export interface RealMint extends AsyncDisposable {
  /** The same after a restart. */
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** After `kill`: on the same port and state. */
  start(): Promise<void>;
  /** Undoes what this mint is known to leave behind after `kill`; what its operator would do by hand. */
  repair(): void;
}
