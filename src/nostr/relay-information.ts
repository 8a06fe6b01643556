import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** What a relay says about itself (NIP-11): the object it sends, unchecked. A hint, no more. */
export type RelayInfo = Readonly<Partial<Record<string, unknown>>>;

/** Reads the document at an `http:` or `https:` address with `Accept: application/nostr+json`, bounded in size and time. */
export type FetchInfo = (url: string) => Promise<unknown>;

const FRESH_MS = 24 * 3_600_000;
const RETRY_MS = 600_000;

export interface InformationParts {
  readonly fetchInfo: FetchInfo | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A function that tells what the relay at `url` says, read once a day; undefined when it says nothing. Never rejects. */
export function createRelayInformation(
  url: string,
  { fetchInfo, clock, log }: InformationParts,
): () => Promise<RelayInfo | undefined> {
  let known: Promise<RelayInfo | undefined> | undefined;
  let readAgainAt = 0;
  const read = async (): Promise<RelayInfo | undefined> => {
    try {
      const info = parseInfo(await fetchInfo?.(url.replace(/^ws/, 'http')));
      readAgainAt = clock.now() + FRESH_MS;
      return info;
    } catch (err) {
      log.debug({ relay: url, err }, 'the relay tells nothing about itself');
      readAgainAt = clock.now() + RETRY_MS;
      return undefined;
    }
  };
  return async () => {
    if (clock.now() < readAgainAt && known !== undefined) return known;
    readAgainAt = Infinity;
    known = read();
    return known;
  };
}

function parseInfo(json: unknown): RelayInfo | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return { ...json };
}
