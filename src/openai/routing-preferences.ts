import { parseDecimal } from '../lib/decimal.ts';
import type { Decimal } from '../lib/decimal.ts';
import { RouterError } from '../lib/errors.ts';
import type { ChatRequest } from './chat-request.ts';
import { isObject, parseJson } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** What a request says about who may answer it, in OpenRouter's words. */
export interface RoutingPreferences {
  /** Public models to fall back to, in order, when those before cannot answer; without the request's own. */
  readonly models: readonly string[];
  /** Providers to try first, in order. */
  readonly order: readonly string[];
  /** No others than these; undefined: any. */
  readonly only: readonly string[] | undefined;
  readonly ignore: readonly string[];
  readonly sort: Sort | undefined;
  readonly maxPrice: MaxPrice | undefined;
  /** False: with `order` only the providers in it, else only the first choice. */
  readonly allowFallbacks: boolean;
}

export type Sort = 'price' | 'throughput' | 'latency';

/** In USD: `prompt` and `completion` per million tokens, `request` and `image` per piece. Undefined: no limit. */
export type MaxPrice = Readonly<Record<PriceName, Decimal | undefined>>;

type PriceName = 'prompt' | 'completion' | 'request' | 'image';

/** Fields of the body that are for us: no upstream is sent them. */
export const ROUTING_FIELDS: ReadonlySet<string> = new Set(['models', 'route', 'provider']);

/** What a request asks for that says nothing about who answers it. One object, so that it can be told at a glance. */
export const NO_PREFERENCES: RoutingPreferences = {
  models: [],
  order: [],
  only: undefined,
  ignore: [],
  sort: undefined,
  maxPrice: undefined,
  allowFallbacks: true,
};

const MAX_MODELS = 8;
const MAX_NAMES = 32;
const MAX_NAME_LENGTH = 200;
const SORTS: ReadonlySet<unknown> = new Set<Sort>(['price', 'throughput', 'latency']);
const KNOWN: ReadonlySet<string> = new Set([
  'order',
  'only',
  'ignore',
  'sort',
  'max_price',
  'allow_fallbacks',
]);
/** Promises that we cannot keep, and the value by which a request does not ask for them. */
const UNKEPT: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['require_parameters', false],
  ['data_collection', 'allow'],
  ['zdr', false],
  ['enforce_distillable_text', false],
]);

/**
 * Reads `models`, `route` and `provider` of the body. Throws RouterError `invalid_request` for what breaks their form, and
 * `unsupported_parameter` for what would promise something that we cannot keep, with the field at fault.
 */
export function readRoutingPreferences(request: ChatRequest): RoutingPreferences {
  if (!request.priceBearing.some((field) => ROUTING_FIELDS.has(field))) return NO_PREFERENCES;
  const route = memberOf(request, 'route');
  if (route !== undefined && route !== 'fallback') throw fault('route', 'must be "fallback"');
  const models = namesOf(memberOf(request, 'models'), 'models', MAX_MODELS) ?? [];
  const provider = memberOf(request, 'provider') ?? {};
  if (!isObject(provider)) throw fault('provider', 'must be an object');
  refuseUnkept(provider);
  const names = (field: string): readonly string[] | undefined =>
    namesOf(given(provider, field), `provider.${field}`, MAX_NAMES);
  return {
    models: models.filter((model) => model !== request.model),
    order: names('order') ?? [],
    only: names('only'),
    ignore: names('ignore') ?? [],
    sort: sortOf(given(provider, 'sort')),
    maxPrice: maxPriceOf(given(provider, 'max_price')),
    allowFallbacks: flagOf(given(provider, 'allow_fallbacks')),
  };
}

/** As in OpenAI's API, null means: not given. */
function memberOf({ body, spans }: ChatRequest, field: string): unknown {
  const span = spans.find(({ key }) => key === field);
  if (span === undefined) return undefined;
  return parseJson(body.toString('utf8', span.valueStart, span.valueEnd)) ?? undefined;
}

function given(object: JsonObject, field: string): unknown {
  return object[field] ?? undefined;
}

function refuseUnkept(provider: JsonObject): void {
  for (const [field, value] of Object.entries(provider)) {
    const asksForNothing =
      KNOWN.has(field) || value === null || (UNKEPT.has(field) && UNKEPT.get(field) === value);
    if (asksForNothing) continue;
    // An unknown name may be long.
    const param = `provider.${field.slice(0, MAX_NAME_LENGTH)}`;
    const message = `${param} asks for something that this router cannot promise.`;
    throw new RouterError('unsupported_parameter', message, { param });
  }
}

/** Without those that stand there twice. */
function namesOf(value: unknown, field: string, max: number): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.length >= 1 && value.length <= max;
  if (isList && value.every(isName)) return [...new Set(value)];
  throw fault(field, `must be a list of 1 to ${max} names`);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH;
}

function sortOf(value: unknown): Sort | undefined {
  if (value === undefined) return undefined;
  if (isSort(value)) return value;
  throw fault('provider.sort', 'must be "price", "throughput" or "latency"');
}

function isSort(value: unknown): value is Sort {
  return SORTS.has(value);
}

function flagOf(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === 'boolean') return value;
  throw fault('provider.allow_fallbacks', 'must be true or false');
}

function maxPriceOf(value: unknown): MaxPrice | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw fault('provider.max_price', 'must be an object');
  const { prompt, completion, request, image, ...others } = value;
  const [unknown] = Object.entries(others).flatMap(([key, price]) => (price === null ? [] : [key]));
  if (unknown !== undefined) {
    const param = `provider.max_price.${unknown.slice(0, MAX_NAME_LENGTH)}`;
    throw new RouterError('unsupported_parameter', `${param} is no price that is known here.`, {
      param,
    });
  }
  return {
    prompt: priceOf(prompt, 'prompt'),
    completion: priceOf(completion, 'completion'),
    request: priceOf(request, 'request'),
    image: priceOf(image, 'image'),
  };
}

function priceOf(value: unknown, name: PriceName): Decimal | undefined {
  if (value === undefined || value === null) return undefined;
  const price = parseDecimal(value);
  if (price !== undefined) return price;
  throw fault(`provider.max_price.${name}`, 'must be a decimal that is not negative, in USD');
}

function fault(field: string, message: string): RouterError {
  return new RouterError('invalid_request', `${field} ${message}.`, { param: field });
}
