import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { callbackify } from 'node:util';

import type { AddressRule } from './address-rule.ts';
import { GuardError } from './guard-error.ts';

/** A host with more would make us knock at a stranger's many doors in turn. */
const MAX_ADDRESSES = 4;
const RESOLVE_TIMEOUT_MS = 2000;
const RESOLVE_TRIES = 2;

/**
 * Resolves as `source` does, and refuses a host if any of its addresses may not be dialled. Whoever connects with it dials exactly
 * the addresses that were judged: a name that is answered differently a moment later finds no gap.
 */
export function guardLookup(source: LookupFunction, mayDial: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    source(hostname, { ...options, family: 0, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const all = typeof found === 'string' ? [addressOf(found)] : found;
      const [first] = all;
      if (first === undefined) {
        callback(new GuardError('unreachable', 'the host has no address'), '');
      } else if (!all.every(({ address }) => mayDial(address))) {
        callback(new GuardError('refused', 'the host has an address that is not public'), '');
      } else if (options.all === true) {
        callback(null, all.slice(0, MAX_ADDRESSES));
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function addressOf(address: string): LookupAddress {
  return { address, family: isIP(address) };
}

export interface DnsLookup {
  readonly lookup: LookupFunction;
  /** Fails what is being resolved. */
  cancel(): void;
}

/**
 * Asks DNS alone, without the hosts file: an announced name means what the world sees. Not getaddrinfo, whose few threads serve
 * this whole process: names whose servers keep silent would hold up every other connection.
 *
 * `servers`: `address:port` of resolvers other than this machine's.
 */
export function createDnsLookup(servers?: readonly string[]): DnsLookup {
  const resolve = callbackify(resolveBoth);
  const resolver = new Resolver({ timeout: RESOLVE_TIMEOUT_MS, tries: RESOLVE_TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    lookup(hostname, _options, callback) {
      resolve(resolver, hostname, (error: Error | null, found) => {
        if (error === null) callback(null, found);
        else callback(new GuardError('unreachable', 'no such host', error), '');
      });
    },
    cancel: () => resolver.cancel(),
  };
}

/** IPv4 first: it works where IPv6 is only announced. Rejects if neither family answers. */
async function resolveBoth(resolver: Resolver, hostname: string): Promise<LookupAddress[]> {
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(hostname),
    resolver.resolve6(hostname),
  ]);
  if (four.status === 'rejected' && six.status === 'rejected') throw four.reason;
  return [four, six].flatMap((result) =>
    result.status === 'fulfilled' ? result.value.map(addressOf) : [],
  );
}
