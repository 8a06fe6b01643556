import type { Config } from '../config.ts';
import type { AnnouncedModel, AnnouncedOffer } from '../discovery/announce/announced-offer.ts';
import type { Announcer } from '../discovery/announce/announcer.ts';
import { createAnnouncer } from '../discovery/announce/announcer.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { GuardError } from '../discovery/guard/guard-error.ts';
import type { Guard } from '../discovery/guard/guard.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createRelayLink } from '../nostr/relay-link.ts';
import type { RelayLink } from '../nostr/relay-link.ts';
import type { Signer } from '../nostr/signer.ts';
import { createVerifier } from '../nostr/verifier.ts';
import type { PriceSnapshot } from '../pricing/snapshot.ts';
import { PMSAT_PER_MSAT } from '../pricing/snapshot.ts';
import type { ServedModel } from '../router/offer.ts';
import type { Store } from '../store/store.ts';
import { VERSION } from '../version.ts';
import { startReviews } from './reviews.ts';

export interface AnnouncingParts {
  readonly config: Config;
  readonly store: Store;
  readonly signer: Signer;
  readonly guard: Guard;
  readonly log: Log;
  readonly models: () => readonly ServedModel[];
  /** Where what we measured of nodes is published. */
  readonly reviewed: Discovery | undefined;
}

/** The announcer with its own links to the node's relays. */
export interface Announcing {
  readonly announcer: Announcer;
  close(): Promise<void>;
}

const INFO_LIMITS = { maxBytes: 65_536, timeoutMs: 8_000, accept: 'application/nostr+json' };
const TOKENS_PER_PRICE = 1_000n;

export async function createAnnouncing(parts: AnnouncingParts): Promise<Announcing> {
  const { config, store, signer, guard, log } = parts;
  const verifier = await createVerifier();
  const relays = config.node.relays.map((url): RelayLink =>
    createRelayLink(url, {
      verifier,
      signer,
      log,
      clock: systemClock,
      fetchInfo: async (info) => (await guard.getJson(info, INFO_LIMITS)).json,
    }),
  );
  const offer = (): AnnouncedOffer => offerOf(config, parts.models());
  const clock = systemClock;
  const ownInfo = async (): Promise<string | undefined> => namedBy(config.node.url, guard);
  const announcer = createAnnouncer({ signer, relays, store, clock, log, offer, ownInfo });
  const stopReviews =
    parts.reviewed === undefined
      ? undefined
      : startReviews({ discovery: parts.reviewed, signer, relays, log });
  return {
    announcer,
    async close() {
      stopReviews?.();
      await announcer.stop();
      await Promise.all(relays.map((relay) => relay.close()));
    },
  };
}

/** The key that this address names; undefined where it cannot be reached from here. */
async function namedBy(url: string | undefined, guard: Guard): Promise<string | undefined> {
  if (url === undefined) return undefined;
  try {
    const { json } = await guard.getJson(`${url}/v1/info`, INFO_LIMITS);
    const npub: unknown =
      typeof json === 'object' && json !== null ? Reflect.get(json, 'npub') : '';
    return typeof npub === 'string' ? npub : undefined;
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    // Behind a router that does not lead back to itself, or in a private network.
    return undefined;
  }
}

/** What this node tells others: its own models, and bought ones only where it resells. */
export function offerOf(config: Config, models: readonly ServedModel[]): AnnouncedOffer {
  const { name, about, url, onion, d } = config.node;
  const resells = config.discovery?.resell === true;
  return {
    d,
    name,
    about,
    urls: [url, onion].flatMap((address) => address ?? []),
    mints: config.mints,
    version: VERSION,
    models: models.flatMap((model) => {
      const own = model.offers.some(({ upstream }) => upstream.buying === undefined);
      return own || resells ? [announcedModel(model)] : [];
    }),
  };
}

function announcedModel({ id, dearest }: ServedModel): AnnouncedModel {
  return {
    id,
    inputMsat: perThousand(dearest, 'inputPmsat'),
    outputMsat: perThousand(dearest, 'outputPmsat'),
  };
}

function perThousand(snapshot: PriceSnapshot, price: 'inputPmsat' | 'outputPmsat'): bigint {
  return (snapshot[price] * TOKENS_PER_PRICE + PMSAT_PER_MSAT - 1n) / PMSAT_PER_MSAT;
}
