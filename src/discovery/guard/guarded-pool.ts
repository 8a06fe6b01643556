import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import { buildConnector, Pool, Socks5ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';

import type { AddressRule } from './address-rule.ts';
import { GuardError } from './guard-error.ts';

/** Tor builds a circuit first. */
const ONION_CONNECT_TIMEOUT_MS = 20_000;

/** Connections to one origin that resolve with `lookup`; an IP literal, which no lookup sees, is judged at each dial. */
export function createGuardedPool(
  origin: string,
  options: Pool.Options,
  rules: { readonly lookup: LookupFunction; readonly mayDial: AddressRule },
): Dispatcher {
  if (typeof options.connect === 'function') {
    throw new TypeError('a guarded pool makes its connections itself');
  }
  const { connectTimeout } = options;
  const connect = buildConnector({
    ...(connectTimeout === undefined ? {} : { timeout: connectTimeout }),
    allowH2: options.allowH2 ?? false,
    ...options.connect,
    lookup: rules.lookup,
    socketPath: null,
  });
  return new Pool(origin, {
    ...options,
    connect(target, callback) {
      if (isIP(target.hostname) === 0 || rules.mayDial(target.hostname)) connect(target, callback);
      else fail(callback, 'the address is not a public one');
    },
  });
}

/** Fails every request to it before anything is dialled. */
export function createClosedPool(origin: string, why: string): Dispatcher {
  return new Pool(origin, { connect: (_target, callback) => fail(callback, why) });
}

/** Connections to one onion service through a SOCKS5 proxy, which is given its name unresolved. */
export function createOnionPool(
  origin: string,
  options: Pool.Options,
  socksProxy: string,
): Dispatcher {
  const { connect: _connect, ...rest } = options;
  const agent = new Socks5ProxyAgent(socksProxy, {
    ...rest,
    connectTimeout: ONION_CONNECT_TIMEOUT_MS,
  });
  // An agent asks each request for its origin; a pool's users give it once.
  return agent.compose(
    (dispatch) => (request, handler) => dispatch({ ...request, origin }, handler),
  );
}

function fail(callback: buildConnector.Callback, why: string): void {
  queueMicrotask(() => callback(new GuardError('refused', why), null));
}
