import { pubkeyOf } from '../../nostr/npub.ts';
import { isObject, itemsOf, parseJson } from '../../openai/json-object.ts';

const MAX_NODES = 1_000;

/**
 * Keys of the nodes that an anchor warns of in its list (kind 38423); the models that it chooses there are not read. Undefined
 * where the list is malformed; entries that are none are left out.
 */
export function readBlacklist(content: string): readonly string[] | undefined {
  const json = parseJson(content);
  if (!isObject(json)) return undefined;
  return itemsOf(json['blacklisted-nodes'])
    .filter((item) => typeof item === 'string')
    .slice(0, MAX_NODES)
    .flatMap((text) => pubkeyOf(text) ?? []);
}
