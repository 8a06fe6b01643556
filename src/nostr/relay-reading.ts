import type { Filter, NostrEvent } from './event.ts';
import { createRelayBackoff } from './relay-backoff.ts';
import { createRelayRequest } from './relay-request.ts';
import type { RelayRequest, StoredEnd } from './relay-request.ts';

export interface ReadingHandlers {
  /** Asked first, because it costs less than a signature. Must have no effect: the event may be a forgery. */
  wanted(event: NostrEvent, relay: string): boolean;
  /** An event that is wanted and whose id and signature are right. */
  onEvent(event: NostrEvent, relay: string): void;
  /** After the stored events of every REQ, so of a subscription again after each reconnect. */
  onStored?(end: StoredEnd): void;
}

/** One question to a relay, asked with a REQ, and again with each new connection, until it stops. */
export interface Reading {
  /** The REQ that runs. */
  readonly request: RelayRequest | undefined;
  /** Sends the REQ, if there is a connection. */
  ask(): void;
  onClosed(why: string): void;
  onLost(why: string): void;
  /** Ends it, with a CLOSE if it runs. Idempotent. */
  stop(): void;
}

export interface ReadingParts {
  readonly filters: readonly Filter[];
  readonly handlers: ReadingHandlers;
  /** A query stops with its first end. */
  readonly isQuery: boolean;
  /** For a connection (queries), and again for the stored events. */
  readonly timeoutMs: number;
  readonly limits: { readonly closedRetryMs: number; readonly maxClosedRetryMs: number };
  /** 0 up to 1. */
  readonly random: () => number;
  readonly nextId: () => string;
  readonly send: (...message: readonly unknown[]) => boolean;
  /** Whether the relay knows us now. */
  readonly prove: () => Promise<boolean>;
  /** See RelayIntake. */
  readonly take: (event: NostrEvent, handlers: ReadingHandlers) => Promise<void> | undefined;
  readonly onStopped: () => void;
}

const DEFAULT_LIMIT = 500;

export function createReading(parts: ReadingParts): Reading {
  const { isQuery, timeoutMs, limits, send } = parts;
  const filters = parts.filters.map(withLimit);
  let request: RelayRequest | undefined;
  let isStopped = false;
  /** Connections that were lost. */
  let losses = 0;
  /** In which of them we last told who we are. */
  let provenIn: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const handlers = unlessStopped(parts.handlers, () => isStopped);
  const retries = createRelayBackoff(limits.closedRetryMs, limits.maxClosedRetryMs, parts.random);

  const stop = (): void => {
    if (isStopped) return;
    isStopped = true;
    clearTimeout(timer);
    request?.stop();
    if (request !== undefined) send('CLOSE', request.id);
    parts.onStopped();
  };
  const onEnd = (end: StoredEnd): void => {
    if (end.how === 'eose') retries.reset();
    if (isQuery) stop();
    parts.handlers.onStored?.(end);
  };
  /** By the relay, or with the connection. */
  const end = (how: 'closed' | 'lost', why: string): void => {
    const running = request;
    request = undefined;
    if (running !== undefined) running.onOver(how, why);
    else if (isQuery && !isStopped) onEnd({ how, why, events: 0 });
  };
  const take = (event: NostrEvent) => parts.take(event, handlers);
  const ask = (): void => {
    const id = parts.nextId();
    if (isStopped || !send('REQ', id, ...filters)) return;
    clearTimeout(timer);
    request?.stop();
    request = createRelayRequest({ id, filters, timeoutMs, take, onEnd });
  };
  const refuse = (why: string): void => {
    end('closed', why);
    if (!isStopped) timer = setTimeout(ask, retries.next());
  };
  const proveAndAsk = async (why: string): Promise<void> => {
    provenIn = losses;
    const isKnown = await parts.prove();
    if (isStopped || provenIn !== losses) return;
    if (isKnown) ask();
    else refuse(why);
  };

  if (isQuery) timer = setTimeout(() => end('lost', 'not connected in time'), timeoutMs);
  return {
    get request() {
      return request;
    },
    ask,
    onClosed(why) {
      if (why.startsWith('auth-required:') && provenIn !== losses) void proveAndAsk(why);
      else refuse(why);
    },
    onLost(why) {
      clearTimeout(timer);
      losses += 1;
      end('lost', why);
    },
    stop,
  };
}

/** What is still being verified when a reading stops is not told any more. */
function unlessStopped(handlers: ReadingHandlers, isStopped: () => boolean): ReadingHandlers {
  return {
    wanted: (event, relay) => handlers.wanted(event, relay),
    onEvent(event, relay) {
      if (!isStopped()) handlers.onEvent(event, relay);
    },
  };
}

/** Relays differ in what they make of no limit, and some never answer a limit of 0. */
function withLimit(filter: Filter): Filter {
  return { ...filter, limit: Math.max(1, filter.limit ?? DEFAULT_LIMIT) };
}
