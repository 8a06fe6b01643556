import { schnorr } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * How other people's programs read a kind 38421, written down from their described rules and not from our own code: what one of
 * them makes of an event, or undefined where it drops it.
 */
export interface ReadNode {
  readonly urls: readonly string[];
  readonly mints: readonly string[];
  readonly name: string | undefined;
}

interface WireEvent {
  id: string;
  pubkey: string;
  created_at: number;
  kind: number;
  tags: string[][];
  content: string;
  sig: string;
}

type Parse = (wire: string, nowS: number) => ReadNode | undefined;

const values = (event: WireEvent, name: string): string[] =>
  event.tags.filter((tag) => tag.length >= 2 && tag[0] === name).map((tag) => tag[1] ?? '');

function isSigned(event: WireEvent): boolean {
  const { pubkey, created_at: at, kind, tags, content } = event;
  const id = sha256(new TextEncoder().encode(JSON.stringify([0, pubkey, at, kind, tags, content])));
  const hex = Buffer.from(id).toString('hex');
  return (
    hex === event.id &&
    schnorr.verify(Buffer.from(event.sig, 'hex'), id, Buffer.from(pubkey, 'hex'))
  );
}

function metadata(content: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(content) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** Routstr core, discovery.py: needs `d` and a first `u`, which is not its own default; no signature check. */
const core: Parse = (wire) => {
  const event = JSON.parse(wire) as WireEvent;
  const [d] = values(event, 'd');
  const urls = values(event, 'u');
  if (event.kind !== 38421 || !d || !urls[0] || urls[0] === 'http://localhost:8000') {
    return undefined;
  }
  const name = text(metadata(event.content)?.['name']) ?? 'Unknown Provider';
  return { urls, mints: values(event, 'mint'), name };
};

/** @routstr/sdk: signed, at most 15 minutes ahead, a `u` that begins with `http` or gets a scheme; onions only for Tor users. */
const sdk: Parse = (wire, nowS) => {
  const event = JSON.parse(wire) as WireEvent;
  if (!isSigned(event) || event.created_at > nowS + 900) return undefined;
  const urls = values(event, 'u')
    .map((url) => url.trim())
    .filter((url) => url !== '' && !url.includes('.onion'))
    .map((url) => (url.startsWith('http') ? url : `https://${url}`))
    .map((url) => (url.endsWith('/') ? url : `${url}/`));
  if (urls.length === 0) return undefined;
  const mints = values(event, 'mint').map((mint) => mint.replace(/\/+$/, ''));
  return { urls, mints, name: text(metadata(event.content)?.['name']) };
};

/**
 * otrta-client (Rust): the content is a struct with the texts `name` and `about` and four optional fields of fixed types; tags
 * are read out of their debug text, between the first brackets, cut at commas.
 */
const otrta: Parse = (wire) => {
  const event = JSON.parse(wire) as WireEvent;
  const content = metadata(event.content);
  if (!isSigned(event) || content === undefined) return undefined;
  if (text(content['name']) === undefined || text(content['about']) === undefined) return undefined;
  const isOptional = (key: string, type: string): boolean => {
    const value = content[key];
    return value === undefined || value === null || typeof value === type;
  };
  if (!isOptional('version', 'string') || !isOptional('use_onion', 'boolean')) return undefined;
  const lists = ['urls', 'mints'].map((key) => content[key] ?? []);
  if (!lists.every((list) => Array.isArray(list))) return undefined;
  const tags = new Map<string, string[]>();
  for (const tag of event.tags) {
    const debug = `Tag { buf: ${JSON.stringify(tag).replaceAll('","', '", "')} }`;
    const inner = debug.slice(debug.indexOf('[') + 1, debug.indexOf(']'));
    const [key = '', value] = inner
      .split(',')
      .map((part) => part.trim().replaceAll(/^"+|"+$/g, ''));
    if (value !== undefined) tags.set(key, [...(tags.get(key) ?? []), value]);
  }
  const urls = tags.get('u') ?? [];
  if (urls.length === 0) return undefined;
  return { urls, mints: tags.get('mint') ?? [], name: text(content['name']) };
};

/** The landing page: signed, with a `d`, named by its content. */
const landingPage: Parse = (wire) => {
  const event = JSON.parse(wire) as WireEvent;
  const [d] = values(event, 'd');
  const urls = values(event, 'u').filter((url) => !url.includes('.onion'));
  if (!isSigned(event) || !d || urls.length === 0) return undefined;
  return { urls, mints: values(event, 'mint'), name: text(metadata(event.content)?.['name']) };
};

/** nagg (Go): signed, https only, unknown tags passed over. */
const nagg: Parse = (wire) => {
  const event = JSON.parse(wire) as WireEvent;
  const urls = values(event, 'u')
    .filter((url) => url.startsWith('https://'))
    .map((url) => url.replace(/\/+$/, ''));
  if (!isSigned(event) || urls.length === 0) return undefined;
  return { urls, mints: values(event, 'mint'), name: text(metadata(event.content)?.['name']) };
};

export const PARSERS: Readonly<Record<string, Parse>> = { core, sdk, otrta, landingPage, nagg };
