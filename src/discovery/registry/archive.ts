import { setImmediate } from 'node:timers/promises';

import type { Log } from '../../lib/log.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import { parseEvent } from '../../nostr/event.ts';
import { parseJson } from '../../openai/json-object.ts';
import type { Operation } from '../../store/operation.ts';
import { all, run } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import { announcementOf, factsText } from './facts.ts';
import type { Held } from './shelf.ts';
import type { StringPool } from './string-pool.ts';
import {
  ANCHOR_EVENTS,
  ANNOUNCEMENTS_AFTER,
  ANNOUNCEMENTS_OF,
  DELETE_ANCHOR_EVENT,
  DELETE_ANNOUNCEMENT,
  DELETE_DELETION,
  DELETIONS,
  UPSERT_ANCHOR_EVENT,
  UPSERT_ANNOUNCEMENT,
  UPSERT_DELETION,
} from './tables.ts';
import type { AnnouncementRow } from './tables.ts';
import { createWriter } from './writer.ts';

export interface StoredDeletion {
  readonly coordinate: string;
  /** Unix seconds. */
  readonly upTo: number;
  readonly isHeld: boolean;
}

export interface StoredWords {
  readonly deletions: readonly StoredDeletion[];
  /** Their signatures were checked before they were stored. */
  readonly anchorEvents: readonly NostrEvent[];
}

/** The registry's tables. Writes come later and together; a row's last write wins. */
export interface Archive {
  words(): Promise<StoredWords>;
  /** The announcements of these keys. */
  announcementsOf(pubkeys: Iterable<string>, pool: StringPool): Promise<readonly Held[]>;
  /** All announcements, a slice at a time: the event loop turns between two. */
  announcements(pool: StringPool): AsyncIterable<readonly Held[]>;
  keepAnnouncement(held: Held): void;
  dropAnnouncement(pubkey: string, d: string): void;
  keepDeletion(deletion: StoredDeletion, seenAtMs: number): void;
  dropDeletion(coordinate: string): void;
  keepAnchorEvent(coordinate: string, event: NostrEvent): void;
  dropAnchorEvent(coordinate: string): void;
  flush(): Promise<void>;
}

/** About three milliseconds. */
const ROWS_PER_SLICE = 250;

export function createArchive(store: Store, log: Log): Archive {
  const writer = createWriter(store, log);
  return {
    words: () => store.read(readWords),
    announcementsOf: (pubkeys, pool) => store.read(() => readAnnouncementsOf(pubkeys, pool)),
    announcements: (pool) => readAnnouncements(store, pool),
    keepAnnouncement(held) {
      const { pubkey, d } = held.announcement;
      writer.put(`announcement ${pubkey} ${d}`, () => upsertAnnouncement(held));
    },
    dropAnnouncement(pubkey, d) {
      writer.put(`announcement ${pubkey} ${d}`, () => run(DELETE_ANNOUNCEMENT, pubkey, d));
    },
    keepDeletion({ coordinate, upTo, isHeld }, seenAtMs) {
      const values = [BigInt(upTo), isHeld ? 1n : 0n, BigInt(seenAtMs)];
      writer.put(`deletion ${coordinate}`, () => run(UPSERT_DELETION, coordinate, ...values));
    },
    dropDeletion(coordinate) {
      writer.put(`deletion ${coordinate}`, () => run(DELETE_DELETION, coordinate));
    },
    keepAnchorEvent(coordinate, event) {
      const json = JSON.stringify(event);
      writer.put(`anchor ${coordinate}`, () => run(UPSERT_ANCHOR_EVENT, coordinate, json));
    },
    dropAnchorEvent(coordinate) {
      writer.put(`anchor ${coordinate}`, () => run(DELETE_ANCHOR_EVENT, coordinate));
    },
    flush: () => writer.flush(),
  };
}

function* readAnnouncementsOf(
  pubkeys: Iterable<string>,
  pool: StringPool,
): Operation<readonly Held[]> {
  const held: Held[] = [];
  for (const pubkey of pubkeys) held.push(...heldIn(yield* all(ANNOUNCEMENTS_OF, pubkey), pool));
  return held;
}

async function* readAnnouncements(store: Store, pool: StringPool): AsyncGenerator<readonly Held[]> {
  let after: Pick<AnnouncementRow, 'pubkey' | 'd'> | undefined = { pubkey: '', d: '' };
  while (after !== undefined) {
    const rows = await readAfter(store, after);
    yield heldIn(rows, pool);
    await setImmediate();
    after = rows.at(-1);
  }
}

function readAfter(
  store: Store,
  { pubkey, d }: Pick<AnnouncementRow, 'pubkey' | 'd'>,
): Promise<readonly AnnouncementRow[]> {
  return store.read(() => all(ANNOUNCEMENTS_AFTER, pubkey, d, BigInt(ROWS_PER_SLICE)));
}

function heldIn(rows: readonly AnnouncementRow[], pool: StringPool): readonly Held[] {
  return rows.flatMap((row) => {
    const announcement = announcementOf(row, pool);
    const source = pool.same(row.source);
    return announcement === undefined
      ? []
      : [{ announcement, source, seenAtMs: Number(row.seen_at_ms) }];
  });
}

function* readWords(): Operation<StoredWords> {
  const deletions = yield* all(DELETIONS);
  const anchorEvents = yield* all(ANCHOR_EVENTS);
  return {
    deletions: deletions.map(({ coordinate, up_to_s, is_held }) => ({
      coordinate,
      upTo: Number(up_to_s),
      isHeld: is_held === 1n,
    })),
    anchorEvents: anchorEvents.flatMap(({ json }) => parseEvent(parseJson(json)) ?? []),
  };
}

function* upsertAnnouncement(held: Held): Operation<void> {
  const { pubkey, d, id, createdAt, expiresAt } = held.announcement;
  yield* run(
    UPSERT_ANNOUNCEMENT,
    pubkey,
    d,
    id,
    BigInt(createdAt),
    expiresAt === undefined ? null : BigInt(expiresAt),
    held.source,
    BigInt(held.seenAtMs),
    factsText(held.announcement),
  );
}
