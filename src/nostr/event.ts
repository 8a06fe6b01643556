/** What is signed: an event before it has an author (NIP-01). `created_at` is in Unix seconds. */
export interface EventTemplate {
  readonly kind: number;
  readonly created_at: number;
  readonly tags: readonly (readonly string[])[];
  readonly content: string;
}

/** An event of the right form. Whether its id and its signature are right, only a Verifier knows. */
export interface NostrEvent extends EventTemplate {
  readonly id: string;
  readonly pubkey: string;
  readonly sig: string;
}

/** What a relay is asked for (NIP-01). All conditions hold together; within a list one is enough. */
export interface Filter {
  readonly ids?: readonly string[];
  readonly authors?: readonly string[];
  readonly kinds?: readonly number[];
  /** Unix seconds, inclusive. */
  readonly since?: number;
  /** Unix seconds, inclusive. */
  readonly until?: number;
  /** Of the stored events, the newest. */
  readonly limit?: number;
  /** `#t`: the first values of tags with a name of one letter. */
  readonly [tag: `#${string}`]: readonly string[] | undefined;
}

const HEX_32 = /^[0-9a-f]{64}$/;
const HEX_64 = /^[0-9a-f]{128}$/;
const MAX_KIND = 65_535;
const MAX_TAGS = 128;
const MAX_TAG_STRINGS = 32;
const MAX_STRING_CHARS = 1_024;
/** Of content and tags together. */
const MAX_EVENT_CHARS = 65_536;

/**
 * The event in a value from JSON.parse, as a fresh object with the fields of NIP-01 and no others; undefined when it is none, or
 * larger than the limits above.
 */
export function parseEvent(json: unknown): NostrEvent | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const fields: Partial<Record<keyof NostrEvent, unknown>> = json;
  const { id, pubkey, sig, content } = fields;
  if (!isHex(id, HEX_32) || !isHex(pubkey, HEX_32) || !isHex(sig, HEX_64)) return undefined;
  const kind = wholeNumber(fields.kind, MAX_KIND);
  const createdAt = wholeNumber(fields.created_at, Number.MAX_SAFE_INTEGER);
  const tags = parseTags(fields.tags);
  if (kind === undefined || createdAt === undefined || tags === undefined) return undefined;
  if (!isText(content, MAX_EVENT_CHARS - charsOf(tags))) return undefined;
  return { id, pubkey, created_at: createdAt, kind, tags, content, sig };
}

function isHex(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value);
}

function wholeNumber(value: unknown, max: number): number | undefined {
  const isFit =
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
  // Adding 0 makes 0 of -0, which JSON can say, and which would hash as "0" and compare as 0 anyway.
  return isFit ? value + 0 : undefined;
}

/** Half a surrogate pair has no UTF-8 form, and so no id that everybody agrees on. */
function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length <= maxChars && value.isWellFormed();
}

function parseTags(value: unknown): string[][] | undefined {
  if (!Array.isArray(value) || value.length > MAX_TAGS) return undefined;
  const tags: string[][] = [];
  for (const item of value) {
    const tag = parseTag(item);
    if (tag === undefined) return undefined;
    tags.push(tag);
  }
  return tags;
}

function parseTag(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_TAG_STRINGS) return undefined;
  const items: readonly unknown[] = value;
  return items.every((item) => isText(item, MAX_STRING_CHARS)) ? [...items] : undefined;
}

function charsOf(tags: readonly (readonly string[])[]): number {
  let chars = 0;
  for (const tag of tags) for (const item of tag) chars += item.length;
  return chars;
}

/** Whether a relay that was asked for `filter` may send `event`. `limit` plays no part. */
export function matches(filter: Filter, event: NostrEvent): boolean {
  const { ids, authors, kinds, since = 0, until = Infinity } = filter;
  if (event.created_at < since || event.created_at > until) return false;
  if (kinds?.includes(event.kind) === false || authors?.includes(event.pubkey) === false) {
    return false;
  }
  return ids?.includes(event.id) !== false && hasTags(filter, event);
}

function hasTags(filter: Filter, event: NostrEvent): boolean {
  for (const key in filter) {
    if (!key.startsWith('#')) continue;
    const wanted = filter[`#${key.slice(1)}`];
    const has = ([name, value]: readonly string[]): boolean =>
      name === key.slice(1) && value !== undefined && wanted?.includes(value) === true;
    if (wanted !== undefined && !event.tags.some(has)) return false;
  }
  return true;
}
