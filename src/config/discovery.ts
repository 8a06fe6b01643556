import type { Field, Parser } from '../lib/parse.ts';
import { boolean, list, optional, record, reject, text, url, withDefault } from '../lib/parse.ts';
import { buy, capSat, markup, orEmpty, pubkey, refuseDuplicates } from './fields.ts';
import type { Buy } from './fields.ts';
import { relayList } from './node.ts';
import type { NodeIdentity } from './node.ts';

/** How nodes are found, trusted and bought from. */
export interface DiscoveryConfig {
  readonly relays: readonly string[];
  /** Nodes' `/v1/providers/`: hints where relays know little. */
  readonly directories: readonly string[];
  /** Whose reviews count. */
  readonly anchors: readonly Anchor[];
  readonly caps: {
    readonly unknownSat: number;
    readonly provenSat: number;
    readonly goodSat: number;
    /** At risk with all unknown nodes together. */
    readonly unknownTotalSat: number;
  };
  /** Nodes that are trusted as their operator says, beside the caps. */
  readonly pins: readonly { readonly pubkey: string; readonly capSat: number }[];
  /** Where not empty: nobody else is bought from. Keys and host names. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly markup: string;
  readonly belowCost: boolean;
  /** Bought models are announced as ours. */
  readonly resell: boolean;
  readonly buy: Buy;
  /** Announced addresses on loopback and in private networks are dialled too. */
  readonly allowPrivateAddresses: boolean;
  /** `socks5://host:port` of a Tor client, for onion services. */
  readonly socksProxy: string | undefined;
  /** What we measured of nodes is published as reviews, signed by this node's key. */
  readonly publishReviews: boolean;
}

export interface Anchor {
  readonly pubkey: string;
  readonly weight: number;
  readonly mayBlock: boolean;
}

/** The network's own; several operators. */
export const NETWORK_RELAYS = [
  'wss://relay.routstr.com',
  'wss://relay.damus.io',
  'wss://nos.lol',
  'wss://relay.primal.net',
];
const DIRECTORIES = ['https://api.routstr.com/v1/providers'];
/** Routstr's own reviewer: the key that its clients listen to. */
const ANCHORS: readonly Anchor[] = [
  {
    pubkey: '4ad6fa2d16e2a9b576c863b4cf7404a70d4dc320c0c447d10ad6ff58993eacc8',
    weight: 1,
    mayBlock: true,
  },
];
const MAX_DIRECTORIES = 20;
const MAX_ANCHORS = 20;
const MAX_NAMED = 1_000;

/** Reads `discovery`. The node's own relays serve here too where nothing else is said. */
export function discovery(field: Field, node: NodeIdentity): DiscoveryConfig {
  const at = record(field, [
    'relays',
    'directories',
    'anchors',
    'caps',
    'pins',
    'allow',
    'deny',
    'markup',
    'belowCost',
    'resell',
    'buy',
    'allowPrivateAddresses',
    'socksProxy',
    'publishReviews',
  ]);
  const belowCost = withDefault(at('belowCost'), boolean, false);
  const publishReviews = withDefault(at('publishReviews'), boolean, false);
  if (publishReviews && !node.announce)
    reject(
      at('publishReviews'),
      'needs a node that announces itself: reviews by nobody count nowhere',
    );
  return {
    relays: withDefault(
      at('relays'),
      relayList,
      node.relays.length > 0 ? node.relays : NETWORK_RELAYS,
    ),
    directories: withDefault(
      at('directories'),
      list(url(['https:', 'http:']), 0, MAX_DIRECTORIES),
      DIRECTORIES,
    ),
    anchors: withDefault(at('anchors'), keyed(anchor, MAX_ANCHORS), ANCHORS),
    caps: caps(at('caps')),
    pins: withDefault(at('pins'), keyed(pin, MAX_NAMED), []),
    allow: withDefault(at('allow'), list(nodeName, 0, MAX_NAMED), []),
    deny: withDefault(at('deny'), list(nodeName, 0, MAX_NAMED), []),
    markup: withDefault(at('markup'), markup(belowCost), '1.1'),
    belowCost,
    resell: withDefault(at('resell'), boolean, false),
    buy: withDefault(at('buy'), buy, 'balance'),
    allowPrivateAddresses: withDefault(at('allowPrivateAddresses'), boolean, false),
    socksProxy: optional(at('socksProxy'), url(['socks5:'])),
    publishReviews,
  };
}

function caps(field: Field): DiscoveryConfig['caps'] {
  const at = record(orEmpty(field), ['unknownSat', 'provenSat', 'goodSat', 'unknownTotalSat']);
  return {
    unknownSat: withDefault(at('unknownSat'), capSat, 50),
    provenSat: withDefault(at('provenSat'), capSat, 500),
    goodSat: withDefault(at('goodSat'), capSat, 2_000),
    unknownTotalSat: withDefault(at('unknownTotalSat'), capSat, 200),
  };
}

const anchor: Parser<Anchor> = (field) => {
  const at = record(field, ['npub', 'weight', 'mayBlock']);
  return {
    pubkey: pubkey(at('npub')),
    weight: withDefault(at('weight'), weight, 1),
    mayBlock: withDefault(at('mayBlock'), boolean, true),
  };
};

const weight: Parser<number> = (field) => {
  const { value } = field;
  if (typeof value === 'number' && value > 0 && value <= 1) return value;
  reject(field, 'must be a number above 0 and up to 1');
  return 1;
};

const pin: Parser<DiscoveryConfig['pins'][number]> = (field) => {
  const at = record(field, ['npub', 'capSat']);
  return { pubkey: pubkey(at('npub')), capSat: capSat(at('capSat')) };
};

/** A list of things about keys, no key twice: which of the two would count? */
function keyed<T extends { readonly pubkey: string }>(
  item: Parser<T>,
  max: number,
): Parser<readonly T[]> {
  return (field) => {
    const found = list(item, 0, max)(field);
    const keys = found.map(({ pubkey: key }) => key);
    refuseDuplicates(field, keys, (index) => `[${index}].npub`);
    return found;
  };
}

/** As it stands in a URL, without its port. */
const HOST_NAME = /^(\[[\da-f:.]+\]|[\w-]{1,63}(\.[\w-]{1,63})*)$/;

/** A key, or a host name. Anything else would name no node: whom it was to deny would be bought from. */
const nodeName: Parser<string> = (field) => {
  const name = text(255)(field).toLowerCase();
  if (/^npub1|^[0-9a-f]{64}$/.test(name)) return pubkey({ ...field, value: name });
  if (name !== '' && !HOST_NAME.test(name)) {
    reject(field, 'must be a Nostr public key or a host name, without scheme, port or path');
  }
  return name;
};
