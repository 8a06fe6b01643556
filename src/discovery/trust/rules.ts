import { pubkeyOf } from '../../nostr/npub.ts';
import type { Decision } from '../decision-file.ts';
import type { Ruling } from './level.ts';

/** What the operator says about nodes: the configuration's lists and pins, and decisions made since. */
export interface Rules {
  /** Denied beats decided beats pinned beats not allowed; undefined where nothing was said. */
  of(pubkey: string, decision: Decision | undefined): Ruling | undefined;
  /** Returns whether that can make a difference. */
  setHosts(pubkey: string, hosts: readonly string[]): boolean;
}

export interface RuleLists {
  readonly deny: readonly string[];
  readonly allow: readonly string[];
  readonly pins: readonly { readonly pubkey: string; readonly capSat: number }[];
}

/** More nodes than this are not told apart by their hosts: then only lists of keys apply to them. */
const MAX_NODES = 100_000;

export function createRules({ deny, allow, pins }: RuleLists): Rules {
  const denied = new Set(deny.map(canonicalName));
  const allowed = new Set(allow.map(canonicalName));
  const capOfPin = new Map(pins.map(({ pubkey, capSat }) => [pubkey, capSat]));
  /** Only kept where a list may name one. */
  const hostsOf = new Map<string, readonly string[]>();
  const listsAreEmpty = denied.size + allowed.size === 0;

  const isDenied = (pubkey: string): boolean =>
    [pubkey, ...(hostsOf.get(pubkey) ?? [])].some((name) => denied.has(name));
  const isAllowed = (pubkey: string): boolean => {
    if (allowed.size === 0 || allowed.has(pubkey)) return true;
    // All of them: a stranger may announce an allowed host beside its own.
    const hosts = hostsOf.get(pubkey) ?? [];
    return hosts.length > 0 && hosts.every((host) => allowed.has(host));
  };

  return {
    of(pubkey, decision) {
      if (isDenied(pubkey)) return { capSat: undefined, why: 'denied by the configuration' };
      if (decision !== undefined) return rulingOf(decision);
      const capSat = capOfPin.get(pubkey);
      if (capSat !== undefined) {
        return { capSat, why: `pinned by the configuration with ${capSat} sat` };
      }
      if (isAllowed(pubkey)) return undefined;
      return { capSat: undefined, why: 'not among those that the configuration allows' };
    },
    setHosts(pubkey, hosts) {
      if (listsAreEmpty) return false;
      if (hosts.length === 0) return hostsOf.delete(pubkey);
      if (!hostsOf.has(pubkey) && hostsOf.size >= MAX_NODES) return false;
      hostsOf.set(pubkey, hosts.map(canonicalName));
      return true;
    },
  };
}

function rulingOf(decision: Decision): Ruling {
  if ('block' in decision) return { capSat: undefined, why: 'blocked by the operator' };
  const { capSat } = decision;
  return { capSat, why: `trusted by the operator with ${capSat} sat` };
}

function canonicalName(name: string): string {
  return pubkeyOf(name) ?? name.toLowerCase();
}
