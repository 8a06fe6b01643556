import type { Filter } from './event.ts';
import type { RelayMessage } from './relay-message.ts';
import { createReading } from './relay-reading.ts';
import type { Reading, ReadingHandlers, ReadingParts } from './relay-reading.ts';
import type { StoredEnd } from './relay-request.ts';

export interface Subscription {
  /** Idempotent. */
  close(): void;
}

/** All questions to one relay. */
export interface RelayReadings {
  readonly isFull: boolean;
  subscribe(filters: readonly Filter[], handlers: ReadingHandlers): Subscription;
  query(
    filters: readonly Filter[],
    handlers: ReadingHandlers,
    timeoutMs: number,
  ): Promise<StoredEnd>;
  onOpen(): void;
  onMessage(message: ReadingMessage): void;
  onLost(why: string): void;
  stop(why: string): void;
}

export type ReadingMessage = Extract<RelayMessage, { readonly subscription: string }>;

export type ReadingsParts = Pick<ReadingParts, 'random' | 'send' | 'prove' | 'take'> & {
  readonly limits: ReadingParts['limits'] & {
    readonly storedTimeoutMs: number;
    readonly maxSubscriptions: number;
  };
};

export function createRelayReadings(parts: ReadingsParts): RelayReadings {
  const { limits, random } = parts;
  const readings = new Set<Reading>();
  const nextId = createIds(random);
  const open = (
    own: Pick<ReadingParts, 'filters' | 'handlers' | 'isQuery' | 'timeoutMs'>,
  ): Reading => {
    const onStopped = (): void => {
      readings.delete(reading);
    };
    const reading = createReading({ ...parts, ...own, nextId, onStopped });
    readings.add(reading);
    reading.ask();
    return reading;
  };
  return {
    get isFull() {
      return readings.size >= limits.maxSubscriptions;
    },
    subscribe(filters, handlers) {
      const timeoutMs = limits.storedTimeoutMs;
      const reading = open({ filters, handlers, isQuery: false, timeoutMs });
      return { close: () => reading.stop() };
    },
    query: (filters, handlers, timeoutMs) =>
      new Promise((onStored) => {
        open({ filters, handlers: { ...handlers, onStored }, isQuery: true, timeoutMs });
      }),
    onOpen() {
      for (const reading of readings) reading.ask();
    },
    onMessage(message) {
      for (const reading of readings) {
        if (reading.request?.id !== message.subscription) continue;
        if (message.verb === 'EVENT') reading.request.onEvent(message.event);
        else if (message.verb === 'EOSE') reading.request.onEose();
        else reading.onClosed(message.why);
        return;
      }
    },
    onLost(why) {
      for (const reading of readings) reading.onLost(why);
    },
    stop(why) {
      for (const reading of readings) {
        reading.onLost(why);
        reading.stop();
      }
    },
  };
}

/** Ids of subscriptions: they tell a relay nothing, and no two are the same. */
function createIds(random: () => number): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${Math.floor(random() * 2 ** 52).toString(36)}.${count.toString(36)}`;
  };
}
