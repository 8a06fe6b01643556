import type { NostrEvent } from '../../nostr/event.ts';

/** The values of all tags of this name; a tag without a value has none. */
export function tagValues(event: NostrEvent, name: string): readonly string[] {
  const values: string[] = [];
  for (const [key, value] of event.tags)
    if (key === name && value !== undefined) values.push(value);
  return values;
}

/** The value of the first tag of this name. */
export function firstTag(event: NostrEvent, name: string): string | undefined {
  return event.tags.find(([key]) => key === name)?.[1];
}

/** What an addressable event is replaced by and deleted by: `<kind>:<pubkey>:<d>` (NIP-01). No `d` tag is the empty `d`. */
export function coordinateOf(event: NostrEvent): string {
  return `${event.kind}:${event.pubkey}:${firstTag(event, 'd') ?? ''}`;
}

const MAX_D_CHARS = 128;

/** Whether its `d` can be kept: short, without control characters and halves of surrogate pairs. */
export function hasUsableD(event: NostrEvent): boolean {
  const d = firstTag(event, 'd') ?? '';
  return d.length <= MAX_D_CHARS && !/[\p{Cc}\p{Cs}]/u.test(d);
}

/** NIP-40, unix seconds; undefined where the event never expires or says it in no number. */
export function expiryOf(event: NostrEvent): number | undefined {
  const text = firstTag(event, 'expiration');
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
