import type { Filter, NostrEvent } from './event.ts';
import { matches, parseEvent } from './event.ts';

/**
 * How the stored events of a REQ ended. `eose`: the relay said that these were all. `timeout`: it did not say so in time. `closed`: it
 * refused (`why`). `lost`: there was no connection, or it broke (`why`).
 */
export interface StoredEnd {
  readonly how: 'eose' | 'timeout' | 'closed' | 'lost';
  readonly why?: string;
  /** Events of the right form that the relay sent until then and that the filters match, wanted or not. */
  readonly events: number;
}

/** One REQ over one connection: stored events, their end, then live ones. */
export interface RelayRequest {
  readonly id: string;
  onEvent(json: unknown): void;
  onEose(): void;
  /** The relay or the connection ended it. */
  onOver(how: 'closed' | 'lost', why: string): void;
  /** No end is told any more. Idempotent. */
  stop(): void;
}

export interface RequestParts {
  readonly id: string;
  readonly filters: readonly Filter[];
  readonly timeoutMs: number;
  /** Takes an event that matches. A promise resolves, in the order of the calls, when the event was verified. */
  readonly take: (event: NostrEvent) => Promise<void> | undefined;
  /** Called once, unless it is stopped before. */
  readonly onEnd: (end: StoredEnd) => void;
}

/** Of a REQ that was just sent. */
export function createRelayRequest(parts: RequestParts): RelayRequest {
  const { id, filters, take } = parts;
  let isEnded = false;
  let events = 0;
  /** When all events so far are verified. */
  let verified = Promise.resolve();

  const end = (how: StoredEnd['how'], why?: string): void => {
    if (isEnded) return;
    stop();
    parts.onEnd({ how, events, ...(why === undefined ? {} : { why }) });
  };
  const stop = (): void => {
    isEnded = true;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => end('timeout'), parts.timeoutMs);
  return {
    id,
    onEvent(json) {
      const event = parseEvent(json);
      if (event === undefined || !filters.some((filter) => matches(filter, event))) return;
      events += 1;
      const taken = take(event);
      if (taken !== undefined) verified = verified.then(() => taken);
    },
    onEose() {
      void verified.then(() => end('eose'));
    },
    onOver: end,
    stop,
  };
}
