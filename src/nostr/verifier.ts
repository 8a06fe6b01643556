import { initNostrWasm } from 'nostr-wasm';

import { eventId } from './event-id.ts';
import type { NostrEvent } from './event.ts';

/** Checks events, a few at a time, so that a flood of them stops nothing else. */
export interface Verifier {
  /**
   * Whether the event's id and signature are right. Answers come in the order of the calls. Rejects when too many wait: then
   * nothing is known about the event.
   */
  verify(event: NostrEvent): Promise<boolean>;
}

export interface VerifierLimits {
  readonly maxWaiting: number;
}

/** About 4 ms of work in a turn of the event loop: answers are streaming meanwhile. */
const BATCH = 10;
const MAX_WAITING = 20_000;
/** Most events come from several relays. */
const MAX_REMEMBERED = 16_384;

interface Job {
  readonly event: NostrEvent;
  readonly done: (isValid: boolean) => void;
}

/** The cost of one check: 10 us for a wrong id, 0.4 ms for a signature. */
export async function createVerifier(limits: Partial<VerifierLimits> = {}): Promise<Verifier> {
  const { maxWaiting = MAX_WAITING } = limits;
  const nostr = await initNostrWasm();
  /** Id -> signature of events that were right: the same pair need not be checked again. */
  const valid = new Map<string, string>();
  let waiting: Job[] = [];
  let isRunning = false;

  const hasValidSignature = (event: NostrEvent): boolean => {
    try {
      nostr.verifyEvent({ ...event, tags: event.tags.map((tag) => [...tag]) });
      return true;
    } catch {
      // It tells by throwing that the key or the signature is wrong.
      return false;
    }
  };
  const check = (event: NostrEvent): boolean => {
    if (eventId(event.pubkey, event) !== event.id) return false;
    if (valid.get(event.id) === event.sig) return true;
    if (!hasValidSignature(event)) return false;
    if (valid.size >= MAX_REMEMBERED) forgetOldest(valid);
    valid.set(event.id, event.sig);
    return true;
  };
  const runBatch = (): void => {
    const batch = waiting.slice(0, BATCH);
    waiting = waiting.slice(BATCH);
    for (const { event, done } of batch) done(check(event));
    isRunning = waiting.length > 0;
    if (isRunning) setImmediate(runBatch);
  };
  return {
    async verify(event) {
      if (waiting.length >= maxWaiting) throw new Error('too many events wait to be verified');
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push({ event, done: resolve });
      if (!isRunning) {
        isRunning = true;
        setImmediate(runBatch);
      }
      return promise;
    },
  };
}

function forgetOldest(valid: Map<string, string>): void {
  const [oldest] = valid.keys();
  if (oldest !== undefined) valid.delete(oldest);
}
