import type { Field, Parser } from '../lib/parse.ts';
import { boolean, list, optional, record, reject, text, url, withDefault } from '../lib/parse.ts';
import { orEmpty, refuseDuplicates } from './fields.ts';
import type { SecretSources } from './secret.ts';
import { secret } from './secret.ts';

/** Who we are, as others see us. */
export interface NodeIdentity {
  readonly name: string;
  readonly about: string;
  readonly url: string | undefined;
  /** Our onion service, `http://....onion`. */
  readonly onion: string | undefined;
  readonly relays: readonly string[];
  /** nsec, hex, ncryptsec or bunker URL; undefined: `node.key` in the data folder. */
  readonly key: string | undefined;
  /** Opens an ncryptsec. */
  readonly keyPassphrase: string | undefined;
  /** The announcement's `d` tag; undefined: derived from the key. Stable for life. */
  readonly d: string | undefined;
  /** Whether the node announces itself on its relays. Needs `url` or `onion`. */
  readonly announce: boolean;
}

const MAX_RELAYS = 20;

/** Reads `node`. */
export function node(field: Field, secrets: SecretSources): NodeIdentity {
  const at = record(orEmpty(field), [
    'name',
    'about',
    'url',
    'onion',
    'relays',
    'key',
    'keyPassphrase',
    'd',
    'announce',
  ]);
  const relays = withDefault(at('relays'), relayList, []);
  const reachable = at('url').value !== undefined || at('onion').value !== undefined;
  const announce = withDefault(at('announce'), boolean, reachable && relays.length > 0);
  if (announce && !reachable) reject(at('announce'), 'needs node.url or node.onion');
  if (announce && relays.length === 0) reject(at('announce'), 'needs node.relays');
  return {
    name: withDefault(at('name'), text(80), 'nutroute'),
    about: withDefault(at('about'), text(500), ''),
    url: optional(at('url'), url(['https:', 'http:'])),
    onion: optional(at('onion'), onionService),
    relays,
    key: optional(at('key'), secret(secrets)),
    keyPassphrase: optional(at('keyPassphrase'), secret(secrets)),
    d: optional(at('d'), text(128)),
    announce,
  };
}

/** No relay twice. */
export const relayList: Parser<readonly string[]> = (field) => {
  const relays = list(url(['wss:', 'ws:']), 0, MAX_RELAYS)(field);
  refuseDuplicates(field, relays, (index) => `[${index}]`);
  return relays;
};

const onionService: Parser<string> = (field) => {
  const address = url(['http:'])(field);
  const host = URL.parse(address)?.hostname ?? '';
  if (address !== '' && !host.endsWith('.onion'))
    reject(field, 'must be an onion service, http://....onion');
  return address;
};
