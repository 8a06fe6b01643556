import type { Field, Parser } from '../lib/parse.ts';
import {
  decimal,
  integer,
  list,
  oneOf,
  optional,
  record,
  reject,
  text,
  url,
  withDefault,
} from '../lib/parse.ts';
import { canonicalMintUrl } from '../wallet/mint-url.ts';
import { discovery } from './discovery.ts';
import type { DiscoveryConfig } from './discovery.ts';
import { orEmpty, refuseDuplicates } from './fields.ts';
import { node } from './node.ts';
import type { NodeIdentity } from './node.ts';
import { provider } from './provider.ts';
import type { Provider } from './provider.ts';
import { routing } from './routing.ts';
import type { RoutingConfig } from './routing.ts';
import type { SecretSources } from './secret.ts';

/** The content of providers.json. Decimals are texts, exactly as the file means them. */
export interface ProvidersFile {
  readonly node: NodeIdentity;
  /** Canonical URLs (lower-case host, no trailing slash), no two the same. */
  readonly mints: readonly string[];
  readonly bitcoin: { readonly usd: string };
  readonly payment: PaymentOptions;
  readonly providers: readonly Provider[];
  /** Buy from nodes found on Nostr; undefined: only `providers` are used. */
  readonly discovery: DiscoveryConfig | undefined;
  readonly routing: RoutingConfig;
}

export interface PaymentOptions {
  /** What a Bearer token's unspent value does by default: leave once as change, stay, or leave with every answer. */
  readonly bearerChange: 'once' | 'keep' | 'token';
  /** The most that may be open on accounts of one mint. */
  readonly maxOpenPerMintSat: number;
  /** A request is served only if it can pay for its input and this many output tokens. */
  readonly floorOutputTokens: number;
}

const MAX_MINTS = 50;
const MAX_PROVIDERS = 100;
const MAX_PRICE = 1_000_000_000;

/** Reads providers.json from its root. */
export function providersFile(field: Field, secrets: SecretSources): ProvidersFile {
  const at = record(field, [
    '$schema',
    'node',
    'mints',
    'bitcoin',
    'payment',
    'providers',
    'discovery',
    'routing',
  ]);
  optional(at('$schema'), text(1_000));
  const mints = list(mintUrl, 1, MAX_MINTS)(at('mints'));
  refuseDuplicates(at('mints'), mints, (index) => `[${index}]`);
  // Who buys from others need not have upstreams of its own.
  const fewest = at('discovery').value === undefined ? 1 : 0;
  const identity = node(at('node'), secrets);
  const providers = list((item) => provider(item, secrets), fewest, MAX_PROVIDERS)(at('providers'));
  refuseDuplicates(
    at('providers'),
    providers.map(({ id }) => id),
    (index) => `[${index}].id`,
  );
  return {
    node: identity,
    mints,
    bitcoin: { usd: withDefault(at('bitcoin'), bitcoinUsd, 'auto') },
    payment: payment(at('payment')),
    providers,
    discovery: optional(at('discovery'), (found) => discovery(found, identity)),
    routing: routing(at('routing')),
  };
}

const bitcoinUsd: Parser<string> = (field) => {
  const usd = record(field, ['usd'])('usd');
  if (usd.value === undefined || usd.value === 'auto') return 'auto';
  if (typeof usd.value === 'number') return decimal(MAX_PRICE, true)(usd);
  reject(usd, 'must be "auto" or a number');
  return 'auto';
};

function payment(field: Field): PaymentOptions {
  const at = record(orEmpty(field), ['bearerChange', 'maxOpenPerMintSat', 'floorOutputTokens']);
  return {
    bearerChange: withDefault(at('bearerChange'), oneOf(['once', 'keep', 'token']), 'once'),
    maxOpenPerMintSat: withDefault(at('maxOpenPerMintSat'), integer(1, 2_100_000_000), 1_000_000),
    floorOutputTokens: withDefault(at('floorOutputTokens'), integer(1, 1_024), 16),
  };
}

/** Hosts that do not lead over the open Internet: loopback, private addresses, single names (containers), onion services. */
const PRIVATE_HOST =
  /^(127\.[\d.]+|10\.[\d.]+|192\.168\.[\d.]+|172\.(1[6-9]|2\d|3[01])\.[\d.]+|\[::1\]|\[f[cd][\da-f:]+\]|[^.:[\]]+|.+\.(local|localhost|internal|onion))$/;

const mintUrl: Parser<string> = (field) => {
  const mint = url(['https:', 'http:'])(field);
  if (mint === '') return '';
  const { protocol, hostname } = new URL(mint);
  if (protocol === 'http:' && !PRIVATE_HOST.test(hostname)) {
    reject(field, 'must be https: a mint that is reached over the Internet');
  }
  return canonicalMintUrl(mint);
};
