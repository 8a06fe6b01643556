import { setImmediate as nextTurn } from 'node:timers/promises';

import { getEventHash } from 'nostr-tools/pure';
import { initNostrWasm } from 'nostr-wasm';

import type { NostrEvent } from './event.ts';

/** Says whether events are what their id and signature claim. Never trusts what an earlier check said. */
export interface Verifier {
  /** False also for an event that came when too many were waiting. */
  verify(event: NostrEvent): Promise<boolean>;
}

/** One takes 0.4 ms: after so many the event loop gets its turn, so that running answers do not stall. */
const BATCH = 20;
/** Beyond it events are refused: a flood must not fill the memory. */
const MAX_WAITING = 20_000;

interface Waiting {
  readonly event: NostrEvent;
  readonly tell: (isGood: boolean) => void;
}

/** Loads libsecp256k1 as WASM (about 65 ms, once). */
export async function createVerifier(): Promise<Verifier> {
  const wasm = await initNostrWasm();
  const waiting: Waiting[] = [];
  let isRunning = false;

  function isGood(event: NostrEvent): boolean {
    // The hash costs a fortieth of the signature: who sends garbage pays for it, not we.
    if (getEventHash(plain(event)) !== event.id) return false;
    try {
      wasm.verifyEvent(plain(event));
      return true;
    } catch {
      return false;
    }
  }

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) {
      await nextTurn();
      for (const { event, tell } of waiting.splice(0, BATCH)) tell(isGood(event));
    }
    isRunning = false;
  }

  return {
    verify(event) {
      if (waiting.length >= MAX_WAITING) return Promise.resolve(false);
      return new Promise((tell) => {
        waiting.push({ event, tell });
        if (!isRunning) void run();
      });
    },
  };
}

/** A fresh object: libraries remember in the event itself that it was once good. */
function plain({ id, pubkey, created_at, kind, tags, content, sig }: NostrEvent) {
  const copies = tags.map((tag) => [...tag]);
  return { id, pubkey, created_at, kind, tags: copies, content, sig };
}
