import { isIP } from 'node:net';

import type { AddressRule } from './address-rule.ts';

export type UrlVerdict =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly why: string };

export interface UrlPolicy {
  /** Private addresses, names of a local network and plain http may be dialled. */
  readonly allowPrivate: boolean;
  /** Onion services can be reached. */
  readonly onion: boolean;
  /** For IP literals. */
  readonly mayDial: AddressRule;
}

const MAX_URL_CHARS = 512;
const MAX_NAME_CHARS = 253;
const FIRST_USER_PORT = 1024;
/** `URL` drops tabs and line breaks and reads `\` as `/`: two readers could see two hosts. */
const AMBIGUOUS = /[\s\p{Cc}\\]/u;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const ONION = /^[a-z2-7]{56}\.onion$/;
/** Top-level names that are answered inside a network, or by nobody (RFC 2606, 6761, 6762, 8375, 9476). */
const LOCAL_TLDS = new Set([
  'alt',
  'arpa',
  'corp',
  'example',
  'home',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'private',
  'test',
]);

/**
 * The base URL in canonical form (scheme and host in lower case, no default port, no trailing slash, its path kept), or why it is
 * never dialled. Does not resolve names: what they resolve to is judged when they are dialled.
 */
export function checkNodeUrl(text: string, policy: UrlPolicy): UrlVerdict {
  if (text.length > MAX_URL_CHARS) return refused('the URL is too long');
  if (AMBIGUOUS.test(text)) return refused('the URL has spaces or control characters');
  const url = URL.parse(text);
  if (url === null) return refused('it is no URL');
  // `href` shows what the parsed fields hide: an empty query or fragment.
  if (/[?#]/.test(url.href)) return refused('the URL has a query or a fragment');
  const fault = faultOf(url, policy);
  if (fault !== undefined) return refused(fault);
  const canonical = url.href.replace(/\/+$/, '');
  if (canonical.length > MAX_URL_CHARS) return refused('the URL is too long');
  return { ok: true, url: canonical };
}

/** Why the scheme, the credentials, the port or the host of a URL forbid to dial it; undefined: nothing does. */
export function faultOf(url: URL, policy: UrlPolicy): string | undefined {
  const isOnion = url.hostname.endsWith('.onion');
  const mayBePlain = isOnion || policy.allowPrivate;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && mayBePlain)) {
    return 'the URL does not begin with https://';
  }
  if (url.username !== '' || url.password !== '') return 'the URL has credentials';
  if (!isPortAllowed(url.port)) return 'the port is a reserved one';
  return isOnion ? onionFault(url.hostname, policy) : hostFault(url.hostname, policy);
}

function refused(why: string): UrlVerdict {
  return { ok: false, why };
}

/** Empty: the scheme's own. Below 1024 are services that must not be spoken to by accident. */
function isPortAllowed(port: string): boolean {
  if (port === '' || port === '80' || port === '443') return true;
  return Number(port) >= FIRST_USER_PORT;
}

function onionFault(host: string, policy: UrlPolicy): string | undefined {
  if (!ONION.test(host)) return 'the host is no onion address of version 3';
  return policy.onion ? undefined : 'onion services need a SOCKS proxy, and none is configured';
}

function hostFault(host: string, policy: UrlPolicy): string | undefined {
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(address) !== 0) {
    return policy.mayDial(address) ? undefined : 'the address is not a public one';
  }
  const labels = host.split('.');
  if (host.length > MAX_NAME_CHARS || !labels.every((label) => LABEL.test(label))) {
    return 'the host name is malformed';
  }
  if (policy.allowPrivate) return undefined;
  const top = labels.at(-1) ?? '';
  if (labels.length === 1 || LOCAL_TLDS.has(top)) return 'the host name is one of a local network';
  return undefined;
}
