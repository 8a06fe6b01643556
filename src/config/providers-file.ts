import type { Field, Parser } from './lib/parse.ts';
import {
  boolean,
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
} from './lib/parse.ts';
import type { SecretSources } from './secret.ts';
import { secret } from './secret.ts';
import { canonicalMintUrl } from './wallet/mint-url.ts';

/** The content of providers.json. Decimals are texts, exactly as the file means them. */
export interface ProvidersFile {
  readonly node: NodeIdentity;
  /** Canonical URLs (lower-case host, no trailing slash), no two the same. */
  readonly mints: readonly string[];
  readonly bitcoin: { readonly usd: string };
  readonly payment: PaymentOptions;
  readonly providers: readonly Provider[];
}

/** Who we are, as others see us. */
export interface NodeIdentity {
  readonly name: string;
  readonly about: string;
  readonly url: string | undefined;
  readonly relays: readonly string[];
}

export interface PaymentOptions {
  /** What a Bearer token's unspent value does by default: leave once as change, stay, or leave with every answer. */
  readonly bearerChange: 'once' | 'keep' | 'token';
  /** The most that may be open on accounts of one mint. */
  readonly maxOpenPerMintSat: number;
  /** A request is served only if it can pay for its input and this many output tokens. */
  readonly floorOutputTokens: number;
}

export interface Provider {
  readonly id: string;
  readonly kind: 'openai';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** The key itself, read from where the file says. */
  readonly apiKey: string | undefined;
  /** Factor on every price, as a decimal. */
  readonly markup: string;
  /** `*`: the upstream's own list. */
  readonly models: '*' | readonly Model[];
  /** For models without a price of their own; undefined: the upstream's own prices, where it tells them. */
  readonly price: Price | undefined;
  readonly onPayerGone: 'cancel' | 'drain';
  readonly maxOutputField: 'max_tokens' | 'max_completion_tokens';
  readonly allowRemoteImages: boolean;
  readonly timeouts: Timeouts;
}

export interface Timeouts {
  readonly connectMs: number;
  /** Until the first byte of a streamed answer. */
  readonly firstByteMs: number;
  /** Until the first byte of an answer in one piece, which comes when all of it is generated. */
  readonly answerMs: number;
  /** Between two chunks. */
  readonly idleMs: number;
}

export interface Model {
  /** The name payers use. */
  readonly id: string;
  /** The name the upstream uses. */
  readonly upstreamId: string;
  readonly name: string | undefined;
  readonly context: number | undefined;
  readonly maxOutput: number | undefined;
  readonly price: Price | undefined;
}

/** `list`: the embedded price list. */
export type Price = 'list' | PriceTable;

/** `input` to `reasoning` are per million tokens, the others per piece; all decimals, in `unit`. */
export interface PriceTable {
  readonly unit: 'usd' | 'sat';
  readonly input: string;
  readonly output: string;
  readonly cachedInput: string | undefined;
  readonly reasoning: string | undefined;
  readonly image: string | undefined;
  readonly request: string | undefined;
  readonly minimum: string | undefined;
}

const MAX_MINTS = 50;
const MAX_PROVIDERS = 100;
const MAX_MODELS = 2_000;
const MAX_RELAYS = 50;
const MAX_TOKENS = 100_000_000;
const MAX_PRICE = 1_000_000_000;
const HOUR_MS = 3_600_000;

/** Reads providers.json from its root. */
export function providersFile(field: Field, secrets: SecretSources): ProvidersFile {
  const at = record(field, ['$schema', 'node', 'mints', 'bitcoin', 'payment', 'providers']);
  optional(at('$schema'), text(1_000));
  const mints = list(mintUrl, 1, MAX_MINTS)(at('mints'));
  refuseDuplicates(at('mints'), mints, (index) => `[${index}]`);
  const providers = list((item) => provider(item, secrets), 1, MAX_PROVIDERS)(at('providers'));
  refuseDuplicates(
    at('providers'),
    providers.map(({ id }) => id),
    (index) => `[${index}].id`,
  );
  return {
    node: node(at('node')),
    mints,
    bitcoin: { usd: withDefault(at('bitcoin'), bitcoinUsd, 'auto') },
    payment: payment(at('payment')),
    providers,
  };
}

function node(field: Field): NodeIdentity {
  const at = record(orEmpty(field), ['name', 'about', 'url', 'relays']);
  return {
    name: withDefault(at('name'), text(100), 'nutroute'),
    about: withDefault(at('about'), text(1_000), ''),
    url: optional(at('url'), url(['https:', 'http:'])),
    relays: withDefault(at('relays'), list(url(['wss:', 'ws:']), 0, MAX_RELAYS), []),
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

function provider(field: Field, secrets: SecretSources): Provider {
  const at = record(field, [
    'id',
    'kind',
    'baseUrl',
    'apiKey',
    'markup',
    'models',
    'price',
    'onPayerGone',
    'maxOutputField',
    'allowRemoteImages',
    'timeouts',
  ]);
  return {
    id: identifier(at('id')),
    kind: oneOf(['openai'])(at('kind')),
    baseUrl: url(['https:', 'http:'])(at('baseUrl')),
    apiKey: optional(at('apiKey'), secret(secrets)),
    markup: withDefault(at('markup'), decimal(1_000, true), '1'),
    models: at('models').value === '*' ? '*' : models(at('models')),
    price: optional(at('price'), price),
    onPayerGone: withDefault(at('onPayerGone'), oneOf(['cancel', 'drain']), 'cancel'),
    maxOutputField: withDefault(
      at('maxOutputField'),
      oneOf(['max_tokens', 'max_completion_tokens']),
      'max_tokens',
    ),
    allowRemoteImages: withDefault(at('allowRemoteImages'), boolean, false),
    timeouts: timeouts(at('timeouts')),
  };
}

function models(field: Field): readonly Model[] {
  if (!Array.isArray(field.value)) reject(field, 'must be "*" or a list of models');
  const found = Array.isArray(field.value) ? list(model, 1, MAX_MODELS)(field) : [];
  refuseDuplicates(
    field,
    found.map(({ id }) => id),
    (index) => `[${index}].id`,
  );
  return found;
}

const model: Parser<Model> = (field) => {
  const at = record(field, ['id', 'upstreamId', 'name', 'context', 'maxOutput', 'price']);
  const id = text(200)(at('id'));
  return {
    id,
    upstreamId: withDefault(at('upstreamId'), text(200), id),
    name: optional(at('name'), text(200)),
    context: optional(at('context'), integer(1, MAX_TOKENS)),
    maxOutput: optional(at('maxOutput'), integer(1, MAX_TOKENS)),
    price: optional(at('price'), price),
  };
};

const price: Parser<Price> = (field) => {
  if (field.value === 'list') return 'list';
  if (typeof field.value !== 'object') {
    reject(field, 'must be an object with prices, or "list"');
    return 'list';
  }
  const amount = decimal(MAX_PRICE, false);
  const at = record(field, [
    'unit',
    'input',
    'output',
    'cachedInput',
    'reasoning',
    'image',
    'request',
    'minimum',
  ]);
  return {
    unit: oneOf(['usd', 'sat'])(at('unit')),
    input: amount(at('input')),
    output: amount(at('output')),
    cachedInput: optional(at('cachedInput'), amount),
    reasoning: optional(at('reasoning'), amount),
    image: optional(at('image'), amount),
    request: optional(at('request'), amount),
    minimum: optional(at('minimum'), amount),
  };
};

function timeouts(field: Field): Timeouts {
  const at = record(orEmpty(field), ['connectMs', 'firstByteMs', 'answerMs', 'idleMs']);
  return {
    connectMs: withDefault(at('connectMs'), integer(100, 60_000), 5_000),
    firstByteMs: withDefault(at('firstByteMs'), integer(100, HOUR_MS), 60_000),
    answerMs: withDefault(at('answerMs'), integer(100, HOUR_MS), 600_000),
    idleMs: withDefault(at('idleMs'), integer(100, HOUR_MS), 120_000),
  };
}

const identifier: Parser<string> = (field) => {
  const { value } = field;
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return value;
  reject(field, 'must be 1 to 64 letters, digits, dots, underscores or hyphens');
  return '';
};

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

/** An absent object is an empty one: all its fields have defaults. */
function orEmpty(field: Field): Field {
  return field.value === undefined ? { ...field, value: {} } : field;
}

function refuseDuplicates(
  field: Field,
  values: readonly string[],
  suffix: (index: number) => string,
): void {
  for (const [index, value] of values.entries()) {
    if (value === '' || values.indexOf(value) === index) continue;
    const path = `${field.path}${suffix(index)}`;
    field.faults.push({ path, message: `is there twice: ${value}` });
  }
}
