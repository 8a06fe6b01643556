import type { NostrEvent } from '../../nostr/event.ts';
import { isObject, parseJson } from '../../openai/json-object.ts';
import { canonicalMintUrl } from '../../wallet/mint-url.ts';
import type { Announcement } from '../announcement.ts';
import { cleanText } from './clean-text.ts';
import type { StringPool } from './string-pool.ts';
import { expiryOf, firstTag, tagValues } from './tags.ts';

/** The base URL in its one spelling, or why it is never dialled. No I/O. */
export type CheckUrl = (
  url: string,
) => { readonly ok: true; readonly url: string } | { readonly ok: false; readonly why: string };

const MAX_CONTENT_CHARS = 16_384;
const MAX_URLS = 8;
const MAX_MINTS = 16;
const MAX_MINT_CHARS = 256;
const MAX_VERSION_CHARS = 64;
const MAX_NAME_CHARS = 80;
const MAX_ABOUT_CHARS = 500;

/**
 * Whether an event of kind 38421 announces a node that can be dialled, within all counts. Other projects publish on this kind in
 * volume: theirs have no `u` tag.
 */
export function announcesNode(event: NostrEvent, checkUrl: CheckUrl): boolean {
  const urls = tagValues(event, 'u');
  if (urls.length === 0 || urls.length > MAX_URLS) return false;
  if (event.content.length > MAX_CONTENT_CHARS) return false;
  if (tagValues(event, 'mint').length > MAX_MINTS) return false;
  return urls.some((url) => checkUrl(withScheme(url)).ok);
}

/** Reads an event for which `announcesNode` holds; undefined where it does not. */
export function readAnnouncement(
  event: NostrEvent,
  checkUrl: CheckUrl,
  pool: StringPool,
): Announcement | undefined {
  if (!announcesNode(event, checkUrl)) return undefined;
  const { name, about } = readContent(event.content);
  return {
    pubkey: event.pubkey,
    d: firstTag(event, 'd') ?? '',
    id: event.id,
    createdAt: event.created_at,
    expiresAt: expiryOf(event),
    urls: dialledUrls(event, checkUrl),
    mints: distinct(tagValues(event, 'mint').flatMap(readMint)).map((mint) => pool.same(mint)),
    version: readVersion(event, pool),
    name,
    about,
  };
}

function dialledUrls(event: NostrEvent, checkUrl: CheckUrl): readonly string[] {
  const urls = tagValues(event, 'u').flatMap((text) => {
    const checked = checkUrl(withScheme(text));
    return checked.ok ? [checked.url] : [];
  });
  return distinct(urls).toSorted((one, other) => Number(isOnion(one)) - Number(isOnion(other)));
}

/** Routstr's SDK reads `u` so. */
function withScheme(url: string): string {
  return url.includes('://') ? url : `https://${url}`;
}

function isOnion(url: string): boolean {
  return /^https?:\/\/[^/:]+\.onion(?:[:/]|$)/.test(url);
}

/** Mints are compared, and dialled only where they are ours too: any spelling that has a canonical form will do. */
function readMint(text: string): readonly string[] {
  if (text.length > MAX_MINT_CHARS) return [];
  try {
    return [canonicalMintUrl(text)];
  } catch {
    // No mint URL.
    return [];
  }
}

function readVersion(event: NostrEvent, pool: StringPool): string | undefined {
  const version = cleanText(firstTag(event, 'version') ?? '', MAX_VERSION_CHARS);
  return version === '' ? undefined : pool.same(version);
}

function readContent(content: string): { readonly name: string; readonly about: string } {
  const json = parseJson(content);
  const told = isObject(json) ? json : {};
  return {
    name: textOf(told['name'], MAX_NAME_CHARS),
    about: textOf(told['about'], MAX_ABOUT_CHARS),
  };
}

function textOf(value: unknown, max: number): string {
  return typeof value === 'string' ? cleanText(value, max) : '';
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
