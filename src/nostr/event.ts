/** What is signed, before it is. */
export interface EventTemplate {
  readonly kind: number;
  /** Unix seconds. */
  readonly created_at: number;
  readonly tags: readonly (readonly string[])[];
  readonly content: string;
}

/** An event as relays carry it (NIP-01). Nothing says that its signature is right. */
export interface NostrEvent extends EventTemplate {
  readonly id: string;
  readonly pubkey: string;
  readonly sig: string;
}

/** What a relay is asked for (NIP-01). */
export interface Filter {
  readonly ids?: readonly string[];
  readonly authors?: readonly string[];
  readonly kinds?: readonly number[];
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly [tag: `#${string}`]: readonly string[];
}

const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_128 = /^[0-9a-f]{128}$/;
const MAX_TAGS = 128;
const MAX_TAG_STRINGS = 32;
const MAX_TAG_CHARS = 1_024;
const MAX_CONTENT_CHARS = 16_384;
const MAX_KIND = 65_535;

/** A fresh event with nothing but the seven fields, or undefined where the form is wrong or larger than what we take. */
export function parseEvent(json: unknown): NostrEvent | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const field = new Map<string, unknown>(Object.entries(json));
  const id = hexOf(field.get('id'), HEX_64);
  const pubkey = hexOf(field.get('pubkey'), HEX_64);
  const sig = hexOf(field.get('sig'), HEX_128);
  const kind = countOf(field.get('kind'), MAX_KIND);
  const created = countOf(field.get('created_at'), Number.MAX_SAFE_INTEGER);
  const tags = tagsOf(field.get('tags'));
  const content = field.get('content');
  if (id === undefined || pubkey === undefined || sig === undefined) return undefined;
  if (kind === undefined || created === undefined || tags === undefined) return undefined;
  if (typeof content !== 'string' || content.length > MAX_CONTENT_CHARS) return undefined;
  return { id, pubkey, created_at: created, kind, tags, content, sig };
}

/** Does the event fit the filter (its `limit` aside)? */
export function matches(filter: Filter, event: NostrEvent): boolean {
  const { ids, authors, kinds, since, until } = filter;
  if (ids !== undefined && !ids.includes(event.id)) return false;
  if (authors !== undefined && !authors.includes(event.pubkey)) return false;
  if (kinds !== undefined && !kinds.includes(event.kind)) return false;
  if (since !== undefined && event.created_at < since) return false;
  if (until !== undefined && event.created_at > until) return false;
  return Object.entries(filter).every(
    ([name, values]) => !name.startsWith('#') || hasTag(event, name.slice(1), values),
  );
}

function hasTag(event: NostrEvent, name: string, values: unknown): boolean {
  if (!Array.isArray(values)) return false;
  return event.tags.some(([tag, value]) => tag === name && values.includes(value));
}

function hexOf(value: unknown, form: RegExp): string | undefined {
  return typeof value === 'string' && form.test(value) ? value : undefined;
}

function countOf(value: unknown, max: number): number | undefined {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  return isCount && value <= max ? value : undefined;
}

function tagsOf(value: unknown): readonly (readonly string[])[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_TAGS) return undefined;
  const tags: readonly unknown[] = value;
  return tags.every(isTag) ? tags : undefined;
}

function isTag(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_TAG_STRINGS &&
    value.every((item) => typeof item === 'string' && item.length <= MAX_TAG_CHARS)
  );
}
