import { npubOf } from '../nostr/npub.ts';
import type { MarketNode } from './market-node.ts';
import { ANNOUNCEMENT } from './registry/kinds.ts';

/** An entry of `GET /v1/providers/`, as Routstr core writes it and its SDK reads it. */
export interface DirectoryEntry {
  readonly id: string;
  readonly pubkey: string;
  readonly created_at: number;
  readonly kind: number;
  readonly endpoint_url: string;
  readonly endpoint_urls: readonly string[];
  readonly name: string;
  readonly description: string;
  readonly mint_urls: readonly string[];
  readonly version: string | null;
  readonly content: string;
}

export interface DirectoryHealth {
  readonly status_code: number;
  readonly endpoint: 'info' | 'error';
  readonly json: unknown;
}

export interface DirectoryBody {
  readonly providers:
    | readonly DirectoryEntry[]
    | readonly { readonly provider: DirectoryEntry; readonly health: DirectoryHealth }[];
}

const MAX_ENTRIES = 100;
/** In this order; addresses that belong to another key, or are silent, are not passed on. */
const LISTED_LINKS: readonly string[] = ['linked', 'unlinked', 'unchecked'];

/** The body of our `GET /v1/providers/`: what was announced, the best known first; with `include_json=true` what each said when it was asked last. */
export function directoryBody(nodes: readonly MarketNode[], includeJson: boolean): DirectoryBody {
  const listed = nodes.filter(isListed).toSorted(byMerit).slice(0, MAX_ENTRIES);
  if (!includeJson) return { providers: listed.map(entryOf) };
  return { providers: listed.map((node) => ({ provider: entryOf(node), health: healthOf(node) })) };
}

/** What only others' directories told of, is not passed on: its key is none. */
function isListed({ link, standing, announcedAt }: MarketNode): boolean {
  return announcedAt > 0 && LISTED_LINKS.includes(link) && standing.level !== 'blocked';
}

function byMerit(one: MarketNode, other: MarketNode): number {
  const byLink = LISTED_LINKS.indexOf(one.link) - LISTED_LINKS.indexOf(other.link);
  return byLink || other.standing.weight - one.standing.weight;
}

function entryOf(node: MarketNode): DirectoryEntry {
  const { name, about } = node;
  return {
    id: node.d,
    pubkey: node.pubkey,
    created_at: node.announcedAt,
    kind: ANNOUNCEMENT,
    endpoint_url: node.url,
    endpoint_urls: node.urls,
    name,
    description: about,
    mint_urls: node.mints,
    version: node.version ?? null,
    content: JSON.stringify({ name, about }),
  };
}

function healthOf(node: MarketNode): DirectoryHealth {
  const { health, link, name, about, version, mints, url } = node;
  if (health.answeredAtMs === 0 || health.failures > 0) {
    return { status_code: 500, endpoint: 'error', json: { error: 'it has not answered' } };
  }
  const npub = link === 'linked' ? npubOf(node.pubkey) : '';
  return {
    status_code: 200,
    endpoint: 'info',
    json: { name, description: about, version: version ?? '', npub, mints, http_url: url },
  };
}
