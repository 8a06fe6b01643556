import { pubkeyOf } from '../../nostr/npub.ts';
import { isObject, itemsOf, parseJson } from '../../openai/json-object.ts';

const MAX_MODELS = 1_000;
const MAX_ID_CHARS = 200;
const MAX_NODES = 1_000;

/** An anchor's list (kind 38423). */
export interface Curated {
  /** Model ids, as it spells them. */
  readonly models: readonly string[];
  /** Keys of the nodes it warns of. */
  readonly blacklisted: readonly string[];
}

/** Undefined where it is malformed; entries that are none are left out. */
export function readCurated(content: string): Curated | undefined {
  const json = parseJson(content);
  if (!isObject(json)) return undefined;
  return {
    models: textsOf(json['models']).filter(isModelId).slice(0, MAX_MODELS),
    blacklisted: textsOf(json['blacklisted-nodes'])
      .slice(0, MAX_NODES)
      .flatMap((text) => pubkeyOf(text) ?? []),
  };
}

function textsOf(value: unknown): readonly string[] {
  return itemsOf(value).filter((item) => typeof item === 'string');
}

function isModelId(id: string): boolean {
  return id !== '' && id.length <= MAX_ID_CHARS && !/\p{Cc}/u.test(id);
}
