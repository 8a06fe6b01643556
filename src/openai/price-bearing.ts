import { RouterError } from '../lib/errors.ts';
import { isObject, objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** Fields that can make a request cost more than its tokens and images, or another model answer it. */
export const PRICE_BEARING: readonly string[] = [
  'service_tier',
  'web_search_options',
  'plugins',
  'models',
  'route',
  'provider',
  'preset',
  'prediction',
  'modalities',
  'audio',
  'best_of',
  'cache_control',
  'tools',
  // Other engines' names of the limit and of `n`, which they obey before ours.
  'n_predict',
  'max_new_tokens',
  'n_cmpl',
  // LiteLLM: other models and servers to answer, and a second body that goes before this one.
  'fallbacks',
  'context_window_fallbacks',
  'model_list',
  'user_config',
  'api_base',
  'base_url',
  'extra_body',
  // Searches that are billed by the piece (xAI, Alibaba).
  'search_parameters',
  'enable_search',
  // What makes more tokens of a prompt than its bytes and images tell (vLLM).
  'chat_template',
  'mm_processor_kwargs',
];

/** Those of PRICE_BEARING that `body` asks for anything by. */
export function priceBearing(body: JsonObject): readonly string[] {
  return PRICE_BEARING.filter((field) => bearsPrice(field, body));
}

/** Values by which nothing is asked for. */
const HARMLESS: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['service_tier', ['auto', 'default']],
  ['best_of', [1]],
  ['enable_search', [false]],
]);

function bearsPrice(field: string, body: JsonObject): boolean {
  const value = body[field];
  switch (field) {
    case 'cache_control':
      return asksForCacheWrites(body);
    case 'tools':
      return objectsOf(value).some((tool) => !isClientTool(tool['type']));
    case 'modalities':
      return isSet(value) && !(Array.isArray(value) && value.every((kind) => kind === 'text'));
    default:
      return isSet(value) && HARMLESS.get(field)?.includes(value) !== true;
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Run by the client; all others (`web_search`) are run, and billed, by the upstream. */
function isClientTool(type: unknown): boolean {
  return type === undefined || type === 'function' || type === 'custom';
}

/** Writing a provider's prompt cache costs up to twice the input. */
function asksForCacheWrites(body: JsonObject): boolean {
  if (isCached(body)) return true;
  const tools = objectsOf(body['tools']);
  if (tools.some((tool) => isCached(tool) || isCached(tool['function']))) return true;
  return objectsOf(body['messages']).some(
    (message) => isCached(message) || objectsOf(message['content']).some(isCached),
  );
}

function isCached(holder: unknown): boolean {
  return isObject(holder) && isSet(holder['cache_control']);
}

/** Throws RouterError `unsupported_parameter` for the first price-bearing field that is not in `allowed`. */
export function refusePriceBearing(
  request: { readonly priceBearing: readonly string[] },
  allowed: ReadonlySet<string>,
): void {
  const field = request.priceBearing.find((name) => !allowed.has(name));
  if (field === undefined) return;
  const message = `${field} asks for something that this model's price does not include.`;
  throw new RouterError('unsupported_parameter', message, { param: field });
}
