import type { NostrEvent } from '../../nostr/event.ts';
import { isObject, objectsOf, parseJson } from '../../openai/json-object.ts';
import type { CheckUrl } from './announcement-event.ts';
import { tagValues } from './tags.ts';

const MAX_CONTENT_CHARS = 65_536;
const MAX_ENTRIES = 64;
const MAX_URLS = 64;

/**
 * Whether an event of kind 38421 has the second shape in the wild: no `u` tag, and a list of nodes as JSON. Its signer speaks for
 * others, so nothing of it counts but the URLs, as hints.
 */
export function listsNodes(event: NostrEvent): boolean {
  return (
    event.content.length <= MAX_CONTENT_CHARS &&
    event.content.includes('endpoint_url') &&
    tagValues(event, 'u').length === 0
  );
}

/** The URLs of a list of nodes, as relays and `GET /v1/providers/` tell them; those that would be dialled, no more than 64. */
export function hintedUrls(json: unknown, checkUrl: CheckUrl): readonly string[] {
  const entries = objectsOf(isObject(json) ? json['providers'] : json).slice(0, MAX_ENTRIES);
  const told = entries.flatMap(({ endpoint_url, endpoint_urls, onion_url }) => [
    endpoint_url,
    ...(Array.isArray(endpoint_urls) ? endpoint_urls.slice(0, 2) : []),
    onion_url,
  ]);
  const urls = told.flatMap((url) => {
    if (typeof url !== 'string') return [];
    const checked = checkUrl(url);
    return checked.ok ? [checked.url] : [];
  });
  return [...new Set(urls)].slice(0, MAX_URLS);
}

/** The hints of an event for which `listsNodes` holds. */
export function readDirectory(event: NostrEvent, checkUrl: CheckUrl): readonly string[] {
  return hintedUrls(parseJson(event.content), checkUrl);
}
