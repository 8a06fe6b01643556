import type { Clock } from '../lib/clock.ts';
import { createRelayBackoff } from './relay-backoff.ts';
import type { RelayLimits } from './relay-limits.ts';
import { openSocket } from './relay-socket.ts';
import type { RelayDialing, RelaySocket } from './relay-socket.ts';

/** `waiting`: for the next dial. `banned`: the same, for its misdeeds. */
export type RelayState = 'connecting' | 'open' | 'waiting' | 'banned' | 'closed';

export interface ConnectionStatus {
  readonly state: RelayState;
  /** When it came into that state, milliseconds since the epoch. */
  readonly since: number;
  /** Why it was not connected the last time. */
  readonly lastError: string | undefined;
  /** How often it was open. */
  readonly connections: number;
}

/** Keeps one connection to a relay, dialling again and again. */
export interface RelayConnection {
  readonly status: ConnectionStatus;
  /** False when it is not open; then nothing is sent. */
  send(...message: readonly unknown[]): boolean;
  /** Stops and starts reading. */
  pause(): void;
  resume(): void;
  /** Cuts the connection and dials again only after `ms`. */
  stayAway(why: string, ms: number, state: 'waiting' | 'banned'): void;
  /** For ever. Resolves when the socket is gone; idempotent. */
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  onOpen(): void;
  onText(text: string, bytes: number): void;
  /** See SocketHandlers. */
  onNoise(bytes: number): void;
  /** A connection ended or could not be made. */
  onLost(why: string): void;
}

export interface ConnectionParts {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly limits: RelayLimits;
  readonly dialing: RelayDialing;
}

/** Dials at once. */
export function createRelayConnection(
  url: string,
  handlers: ConnectionHandlers,
  { clock, random, limits, dialing }: ConnectionParts,
): RelayConnection {
  const backoff = createRelayBackoff(limits.backoffMs, limits.maxBackoffMs, random);
  const gone = Promise.withResolvers<void>();
  let status: ConnectionStatus = {
    state: 'connecting',
    since: clock.now(),
    lastError: undefined,
    connections: 0,
  };
  let absence: { readonly ms: number; readonly state: 'waiting' | 'banned' } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let socket: RelaySocket | undefined;

  const enter = (state: RelayState, more: Partial<ConnectionStatus> = {}): void => {
    status = { ...status, state, since: clock.now(), ...more };
  };
  const dial = (): void => {
    enter('connecting');
    socket = openSocket(url, { ...handlers, onOpen, onGone }, limits, dialing);
  };
  const onOpen = (): void => {
    enter('open', { connections: status.connections + 1 });
    handlers.onOpen();
  };
  const onGone = (why: string): void => {
    socket = undefined;
    const { state, since } = status;
    if (state === 'closed') return gone.resolve();
    if (state === 'open' && clock.now() - since >= limits.steadyMs) backoff.reset();
    dialLater(why);
    return handlers.onLost(why);
  };
  const dialLater = (why: string): void => {
    const { ms, state } = absence ?? { ms: backoff.next(), state: 'waiting' };
    absence = undefined;
    enter(state, { lastError: why });
    clearTimeout(timer);
    timer = setTimeout(dial, ms);
  };

  dial();
  return {
    get status() {
      return status;
    },
    send(...message) {
      if (status.state !== 'open' || socket === undefined) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    pause: () => socket?.pause(),
    resume: () => socket?.resume(),
    stayAway(why, ms, state) {
      if (status.state === 'closed') return;
      absence = { ms, state };
      if (socket === undefined) dialLater(why);
      else socket.terminate(why);
    },
    async close() {
      clearTimeout(timer);
      enter('closed');
      if (socket === undefined) gone.resolve();
      else socket.terminate('closed');
      return gone.promise;
    },
  };
}
