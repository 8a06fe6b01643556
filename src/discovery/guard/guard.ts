import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

import type { Dispatcher, Pool } from 'undici';

import { publicOnly, publicOrPrivate } from './address-rule.ts';
import { GuardError } from './guard-error.ts';
import { createClosedPool, createGuardedPool, createOnionPool } from './guarded-pool.ts';
import { exchange, jsonOf } from './json-answer.ts';
import type { Reply } from './json-answer.ts';
import { createDnsLookup, guardLookup } from './lookup.ts';
import { checkNodeUrl, faultOf } from './node-url.ts';
import type { UrlPolicy, UrlVerdict } from './node-url.ts';

export interface JsonLimits {
  /** Of the body, as sent and inflated. */
  readonly maxBytes: number;
  /** For everything: names, connections, both answers of a redirect. */
  readonly timeoutMs: number;
  /** Sent as `If-None-Match`. */
  readonly etag?: string;
  /** Sent as `Accept`; default `application/json`. */
  readonly accept?: string;
}

export interface JsonAnswer {
  readonly status: number;
  /** Of a 200; undefined for every other status, whose body is not read. */
  readonly json: unknown;
  readonly etag: string | undefined;
}

/** The only way to addresses that strangers announce: no private network is reached through it (nostr.md 4.6). */
export interface Guard {
  /** The base URL in canonical form, or why it is never dialled. No I/O. */
  check(url: string): UrlVerdict;
  /**
   * Connections to one origin, every dial checked: both families, all addresses. An onion service is reached only through the
   * configured SOCKS proxy, its name unresolved. To an origin that `check` refuses, every request fails with GuardError. The
   * caller closes it.
   */
  pool(origin: string, options: Pool.Options): Dispatcher;
  /**
   * GET of a URL, which may have a query; follows at most one redirect, to the same host or one above or below it, never from https
   * to http, checked again. Rejects with GuardError: also for a 200 that is no JSON.
   */
  getJson(url: string, limits: JsonLimits): Promise<JsonAnswer>;
  /** Ends what `getJson` is doing. Idempotent. */
  close(): Promise<void>;
}

export interface GuardOptions {
  /** Loopback and private addresses, names of a local network, the hosts file and plain http are allowed too. */
  readonly allowPrivate: boolean;
  /** `socks5://host:port` of a Tor client. */
  readonly socksProxy: string | undefined;
  /** Resolves names; its answers are judged like any other. Default: DNS. */
  readonly lookup?: LookupFunction;
}

const CONNECT_TIMEOUT_MS = 5000;
const MAX_HEADER_BYTES = 16_384;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const ETAG = /^[\x21-\x7e]{1,200}$/;

export function createGuard(options: GuardOptions): Guard {
  const { allowPrivate, socksProxy } = options;
  const mayDial = allowPrivate ? publicOrPrivate : publicOnly;
  const policy: UrlPolicy = { allowPrivate, onion: socksProxy !== undefined, mayDial };
  const dns = createDnsLookup();
  const lookup = guardLookup(options.lookup ?? (allowPrivate ? systemLookup : dns.lookup), mayDial);
  const running = new Set<AbortController>();

  const pool = (origin: string, poolOptions: Pool.Options): Dispatcher => {
    const url = new URL(origin);
    const fault = faultOf(url, policy);
    if (fault !== undefined) return createClosedPool(origin, fault);
    if (socksProxy !== undefined && url.hostname.endsWith('.onion')) {
      return createOnionPool(origin, poolOptions, socksProxy);
    }
    return createGuardedPool(origin, poolOptions, { lookup, mayDial });
  };

  const fetch = (url: URL, limits: JsonLimits, signal: AbortSignal): Promise<Reply> => {
    const fault = faultOf(url, policy);
    if (fault !== undefined) throw new GuardError('refused', fault);
    const dispatcher = pool(url.origin, {
      connections: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      maxHeaderSize: MAX_HEADER_BYTES,
      // `signal` bounds everything.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const request = { path: url.pathname + url.search, headers: headersOf(limits) };
    return exchange(dispatcher, request, { maxBytes: limits.maxBytes, signal });
  };

  return {
    check: (url) => checkNodeUrl(url, policy),
    pool,
    async getJson(text, limits) {
      const stop = new AbortController();
      running.add(stop);
      const timer = setTimeout(
        () => stop.abort(new GuardError('timeout', 'no answer in time')),
        limits.timeoutMs,
      );
      try {
        const url = parse(text);
        let reply = await fetch(url, limits, stop.signal);
        if (REDIRECTS.has(reply.status)) {
          reply = await fetch(redirectOf(url, reply), limits, stop.signal);
          if (REDIRECTS.has(reply.status)) throw new GuardError('refused', 'a second redirect');
        }
        const json = await jsonOf(reply, limits.maxBytes);
        return { status: reply.status, json, etag: etagOf(reply) };
      } finally {
        clearTimeout(timer);
        running.delete(stop);
      }
    },
    close() {
      for (const stop of running) stop.abort(new GuardError('closed', 'the guard was closed'));
      dns.cancel();
      return Promise.resolve();
    },
  };
}

function parse(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new GuardError('refused', 'it is no URL');
  return url;
}

function headersOf(limits: JsonLimits): Record<string, string> {
  return {
    accept: limits.accept ?? 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': 'nutroute',
    ...(limits.etag === undefined ? {} : { 'if-none-match': limits.etag }),
  };
}

/** Where a redirect may lead. Throws GuardError for anywhere else. */
function redirectOf(from: URL, reply: Reply): URL {
  const { location } = reply.headers;
  if (typeof location !== 'string') throw new GuardError('malformed', 'a redirect to nowhere');
  const to = parse(location, from);
  if (!isSameSite(from.hostname, to.hostname)) {
    throw new GuardError('refused', 'a redirect to another host');
  }
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) {
    throw new GuardError('refused', 'a redirect away from https');
  }
  return to;
}

/** Without a list of public suffixes: the same host, or one above or below it. */
function isSameSite(one: string, other: string): boolean {
  return one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);
}

function etagOf(reply: Reply): string | undefined {
  const { etag } = reply.headers;
  return typeof etag === 'string' && ETAG.test(etag) ? etag : undefined;
}
