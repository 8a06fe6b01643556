import type { Field, Parser } from '../lib/parse.ts';
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
} from '../lib/parse.ts';
import { buy, capSat, markup, orEmpty, pubkey, refuseDuplicates } from './fields.ts';
import type { Buy } from './fields.ts';
import type { SecretSources } from './secret.ts';
import { secret } from './secret.ts';

export interface Provider {
  readonly id: string;
  readonly kind: 'openai' | 'routstr';
  /** Without a trailing slash; of a `routstr` node also without `/v1`. */
  readonly baseUrl: string;
  /** The key itself, read from where the file says. */
  readonly apiKey: string | undefined;
  /** Factor on every price, as a decimal. */
  readonly markup: string;
  /** It may be sold for less than it costs. */
  readonly belowCost: boolean;
  /** How answers are bought from a node (`routstr`); undefined for other kinds. */
  readonly purchase: Purchase | undefined;
  /** `*`: the upstream's own list. */
  readonly models: '*' | readonly Model[];
  /** For models without a price of their own; undefined: the upstream's own prices, where it tells them. */
  readonly price: Price | undefined;
  readonly onPayerGone: 'cancel' | 'drain';
  readonly maxOutputField: 'max_tokens' | 'max_completion_tokens';
  readonly allowRemoteImages: boolean;
  readonly timeouts: Timeouts;
}

export interface Purchase {
  /** Its key, 64 hex digits, where it is known: then what is met with it counts for that key. */
  readonly pubkey: string | undefined;
  /** The most that may be at risk with it, in sat. */
  readonly capSat: number;
  readonly buy: Buy;
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

const MAX_MODELS = 2_000;
const MAX_TOKENS = 100_000_000;
const MAX_PRICE = 1_000_000_000;
const HOUR_MS = 3_600_000;
/** Who names a node in the file knows it. */
const DEFAULT_CAP_SAT = 2_000;

/** Reads one entry of `providers`. */
export function provider(field: Field, secrets: SecretSources): Provider {
  const at = record(field, [
    'id',
    'kind',
    'baseUrl',
    'apiKey',
    'markup',
    'belowCost',
    'npub',
    'capSat',
    'buy',
    'models',
    'price',
    'onPayerGone',
    'maxOutputField',
    'allowRemoteImages',
    'timeouts',
  ]);
  const kind = oneOf<Provider['kind']>(['openai', 'routstr'])(at('kind'));
  const baseUrl = url(['https:', 'http:'])(at('baseUrl'));
  const belowCost = withDefault(at('belowCost'), boolean, false);
  const isNode = kind === 'routstr';
  const others = isNode ? (['apiKey', 'price'] as const) : (['npub', 'capSat', 'buy'] as const);
  for (const key of others) {
    if (at(key).value !== undefined) reject(at(key), `does not go with the kind ${kind}`);
  }
  return {
    id: identifier(at('id')),
    kind,
    baseUrl: isNode ? baseUrl.replace(/\/v1$/, '') : baseUrl,
    apiKey: optional(at('apiKey'), secret(secrets)),
    markup: withDefault(at('markup'), markup(belowCost), '1'),
    belowCost,
    purchase: isNode
      ? {
          pubkey: optional(at('npub'), pubkey),
          capSat: withDefault(at('capSat'), capSat, DEFAULT_CAP_SAT),
          buy: withDefault(at('buy'), buy, 'balance'),
        }
      : undefined,
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
