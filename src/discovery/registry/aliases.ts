import { isObject, parseJson } from '../../openai/json-object.ts';

const MAX_ALIASES = 10_000;
const MAX_ID_CHARS = 200;

/**
 * A snapshot of names for models (kind 38426): variant -> canonical id. It counts as a whole or not at all: undefined where it
 * is malformed, too long, or maps an id to itself or to another variant.
 */
export function readAliases(content: string): ReadonlyMap<string, string> | undefined {
  const json = parseJson(content);
  if (!isObject(json) || !isObject(json['mappings'])) return undefined;
  const entries = Object.entries(json['mappings']);
  if (entries.length > MAX_ALIASES) return undefined;
  const aliases = new Map<string, string>();
  for (const [variant, canonical] of entries) {
    if (!isModelId(variant) || !isModelId(canonical)) return undefined;
    aliases.set(variant, canonical);
  }
  // An id that is mapped to itself is the shortest chain.
  return [...aliases.values()].some((canonical) => aliases.has(canonical)) ? undefined : aliases;
}

function isModelId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_CHARS) return false;
  return value !== '__proto__' && !/\p{Cc}/u.test(value);
}
