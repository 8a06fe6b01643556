import type { Clock } from '../../lib/clock.ts';
import { parseEvent } from '../../nostr/event.ts';
import type { EventTemplate, NostrEvent } from '../../nostr/event.ts';
import type { Signer } from '../../nostr/signer.ts';
import { parseJson } from '../../openai/json-object.ts';
import { get, run } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import { LAST_COORDINATE, OWN_EVENT, UPSERT_OWN_EVENT } from './tables.ts';

/** What we signed last under one address. */
export interface OwnEvent {
  /** Unix seconds; nothing under this address was ever dated later. */
  readonly createdAt: number;
  /** Unix ms, by our clock. */
  readonly signedAtMs: number;
  /** Of the last versions, newest first. */
  readonly ids: readonly string[];
  readonly event: NostrEvent | undefined;
  readonly retired: boolean;
}

/** Signs events of replaceable kinds so that each one is newer than all before it, across restarts and clocks that go back. */
export interface OwnEvents {
  of(coordinate: string): Promise<OwnEvent>;
  /** Signs what `make` builds for the date it is given; on disk, before anybody can see it. Rejects when signing fails. */
  sign(
    coordinate: string,
    make: (createdAt: number) => EventTemplate,
    mark?: Mark,
  ): Promise<NostrEvent>;
  /** No event under this address may be dated `createdAt` or earlier from now on. */
  passOver(coordinate: string, createdAt: number): Promise<void>;
}

export interface Mark {
  readonly retired: boolean;
}

/** The key that signed last; undefined where nothing was ever announced. */
export function* ownPubkey(): Operation<string | undefined> {
  const row = yield* get(LAST_COORDINATE);
  return row?.coordinate.split(':')[1];
}

const MAX_IDS = 20;
const NOTHING: OwnEvent = {
  createdAt: 0,
  signedAtMs: 0,
  ids: [],
  event: undefined,
  retired: false,
};

export function createOwnEvents(parts: { store: Store; signer: Signer; clock: Clock }): OwnEvents {
  const { store, signer, clock } = parts;

  const of = async (coordinate: string): Promise<OwnEvent> => {
    const row = await store.read(() => get(OWN_EVENT, coordinate));
    if (row === undefined) return NOTHING;
    return {
      createdAt: Number(row.created_at_s),
      signedAtMs: Number(row.signed_at_ms),
      ids: row.ids.split(',').filter((id) => id !== ''),
      event: parseEvent(parseJson(row.event)),
      retired: row.is_retired === 1n,
    };
  };
  const keep = async (coordinate: string, own: OwnEvent): Promise<void> => {
    await store.write(
      () =>
        run(
          UPSERT_OWN_EVENT,
          coordinate,
          BigInt(own.createdAt),
          BigInt(own.signedAtMs),
          own.ids.join(','),
          own.event === undefined ? '' : JSON.stringify(own.event),
          own.retired ? 1n : 0n,
        ),
      'disk',
    );
  };

  return {
    of,
    async sign(coordinate, make, { retired } = { retired: false }) {
      const before = await of(coordinate);
      const nowMs = clock.now();
      const createdAt = Math.max(Math.floor(nowMs / 1000), before.createdAt + 1);
      const event = await signer.sign(make(createdAt));
      const ids = [event.id, ...before.ids].slice(0, MAX_IDS);
      await keep(coordinate, { createdAt, signedAtMs: nowMs, ids, event, retired });
      return event;
    },
    async passOver(coordinate, createdAt) {
      const before = await of(coordinate);
      if (createdAt > before.createdAt) await keep(coordinate, { ...before, createdAt });
    },
  };
}
