import { isObject, parseJson } from '../../openai/json-object.ts';
import type { Announcement } from '../announcement.ts';
import type { StringPool } from './string-pool.ts';
import type { AnnouncementRow } from './tables.ts';

/** What a row keeps of an announcement beside its own columns. */
export function factsText(announcement: Announcement): string {
  const { urls, mints, version, name, about } = announcement;
  return JSON.stringify({ urls, mints, version, name, about });
}

/** The announcement of a row; undefined where the row is not one that this program wrote. */
export function announcementOf(row: AnnouncementRow, pool: StringPool): Announcement | undefined {
  const facts = parseJson(row.facts);
  if (!isObject(facts)) return undefined;
  const { name, about, version } = facts;
  const urls = textsOf(facts['urls']);
  if (urls.length === 0 || typeof name !== 'string' || typeof about !== 'string') return undefined;
  return {
    pubkey: row.pubkey,
    d: row.d,
    id: row.id,
    createdAt: Number(row.created_at_s),
    expiresAt: row.expires_at_s === null ? undefined : Number(row.expires_at_s),
    urls,
    mints: textsOf(facts['mints']).map((mint) => pool.same(mint)),
    version: typeof version === 'string' ? pool.same(version) : undefined,
    name,
    about,
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
