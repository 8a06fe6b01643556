import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Filter, NostrEvent } from './event.ts';
import { createRelayAuth } from './relay-auth.ts';
import type { RelayAuth } from './relay-auth.ts';
import { createRelayConnection } from './relay-connection.ts';
import type { ConnectionStatus } from './relay-connection.ts';
import { createRelayInformation } from './relay-information.ts';
import type { FetchInfo, RelayInfo } from './relay-information.ts';
import { createRelayIntake } from './relay-intake.ts';
import { RELAY_LIMITS } from './relay-limits.ts';
import type { RelayLimits } from './relay-limits.ts';
import { parseMessage } from './relay-message.ts';
import type { RelayMessage } from './relay-message.ts';
import { createRelayOffences } from './relay-offences.ts';
import { createRelayPublishing } from './relay-publishing.ts';
import type { PublishResult, RelayPublishing } from './relay-publishing.ts';
import type { ReadingHandlers } from './relay-reading.ts';
import { createRelayReadings } from './relay-readings.ts';
import type { RelayReadings, Subscription } from './relay-readings.ts';
import type { StoredEnd } from './relay-request.ts';
import type { RelayDialing } from './relay-socket.ts';
import type { Signer } from './signer.ts';
import type { Verifier } from './verifier.ts';

/** For people and metrics; the counts are since the start. */
export interface RelayStatus extends ConnectionStatus {
  readonly url: string;
  /** Of the right form, and asked for. */
  readonly events: number;
  /** Of those: wanted, and right. */
  readonly accepted: number;
  /** Of those: wanted, with a wrong id or signature. */
  readonly invalid: number;
}

/** A relay that may be down, slow, mute or hostile; the link lives on and never throws because of it. */
export interface RelayLink {
  readonly url: string;
  readonly status: RelayStatus;
  /** Lives through reconnects. Throws a RangeError when too many are open. */
  subscribe(filters: readonly Filter[], handlers: ReadingHandlers): Subscription;
  /** One page: what is stored. Rejects never; `timeoutMs` also covers the wait for a connection. */
  query(
    filters: readonly Filter[],
    handlers: Pick<ReadingHandlers, 'wanted' | 'onEvent'>,
    timeoutMs?: number,
  ): Promise<StoredEnd>;
  /** Never rejects. An answer of `ok` proves nothing yet: read it back. */
  publish(event: NostrEvent): Promise<PublishResult>;
  /** NIP-11, read once a day; undefined when there is none. Never rejects. */
  info(): Promise<RelayInfo | undefined>;
  /** Ends everything; what still waits is told so. Idempotent. */
  close(): Promise<void>;
}

export interface RelayLinkOptions {
  readonly verifier: Verifier;
  /** For relays that want to know who asks (NIP-42). Default: a key that nobody knows. */
  readonly signer?: Signer;
  readonly log: Log;
  readonly clock: Clock;
  /** 0 up to 1; for jitter and ids of subscriptions. */
  readonly random?: () => number;
  readonly limits?: Partial<RelayLimits>;
  readonly connect?: RelayDialing;
  readonly fetchInfo?: FetchInfo;
}

/** Dials at once and keeps dialling until it is closed. Throws when `url` is no `ws:` or `wss:` address. */
export function createRelayLink(url: string, options: RelayLinkOptions): RelayLink {
  const { clock, log } = options;
  const limits = { ...RELAY_LIMITS, ...options.limits };
  const { connection, publishing, readings, auth, counts } = wire(url, options, limits);
  const info = createRelayInformation(url, { fetchInfo: options.fetchInfo, clock, log });
  const refusal = (): string | undefined => {
    const { state, lastError } = connection.status;
    if (state === 'closed') return CLOSED;
    if (state === 'banned') return lastError;
    return readings.isFull ? 'too many subscriptions' : undefined;
  };
  return {
    url,
    get status() {
      return { url, ...connection.status, ...counts };
    },
    subscribe(filters, handlers) {
      if (connection.status.state === 'closed') throw new Error(`${url}: ${CLOSED}`);
      if (readings.isFull) throw new RangeError(`${url}: too many subscriptions`);
      return readings.subscribe(filters, handlers);
    },
    async query(filters, handlers, timeoutMs = limits.storedTimeoutMs) {
      const why = refusal();
      if (why !== undefined) return { how: 'lost', why, events: 0 };
      return readings.query(filters, handlers, timeoutMs);
    },
    async publish(event) {
      const { state, lastError } = connection.status;
      const why = state === 'closed' ? CLOSED : lastError;
      if (state !== 'closed' && state !== 'banned') return publishing.publish(event);
      return { relay: url, ok: false, message: `error: ${why}` };
    },
    info,
    async close() {
      const closed = connection.close();
      auth.onLost();
      publishing.stop(`error: ${CLOSED}`);
      readings.stop(CLOSED);
      return closed;
    },
  };
}

const CLOSED = 'the link is closed';

/** What the link consists of. Each part knows the others only by what it calls. */
function wire(url: string, options: RelayLinkOptions, limits: RelayLimits) {
  const { clock, log, random = Math.random, verifier, signer, connect: dialing = {} } = options;
  const offences = createRelayOffences(() => clock.now(), limits);
  const leave = (why: string, ms: number, state: 'waiting' | 'banned'): void => {
    log.warn({ relay: url, why, ms }, 'leaving the relay alone for a while');
    connection.stayAway(why, ms, state);
  };
  const onOpen = (): void => {
    // Who answers what we publish is listened to before it.
    readings.onOpen();
    publishing.onOpen();
  };
  const floods = (bytes: number): boolean => {
    const isFlood = offences.floodsWith(bytes);
    if (isFlood) leave('it floods us', limits.floodPauseMs, 'waiting');
    return isFlood;
  };
  const onText = (text: string, bytes: number): void => {
    if (!floods(bytes)) heed(parseMessage(text), { url, readings, publishing, auth, log });
  };
  const onNoise = (bytes: number): void => void floods(bytes);
  const onLost = (why: string): void => {
    log.debug({ relay: url, why }, 'no connection to the relay');
    auth.onLost();
    publishing.onLost();
    readings.onLost(why);
  };
  const handlers = { onOpen, onText, onNoise, onLost };
  const connection = createRelayConnection(url, handlers, { clock, random, limits, dialing });
  const send = (...message: readonly unknown[]): boolean => connection.send(...message);
  const auth = createRelayAuth({ url, signer, clock, log, limits, send });
  const prove = (): Promise<boolean> => auth.prove();
  const lastError = (): string | undefined => connection.status.lastError;
  const publishing = createRelayPublishing({ relay: url, limits, send, prove, lastError });
  const { counts, take } = createRelayIntake({
    relay: url,
    verifier,
    log,
    maxUnverified: limits.maxUnverified,
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    isTooMuch: () => offences.overtaxesWith(),
    onInvalid() {
      if (offences.liesTooMuch()) leave('its signatures are wrong', limits.banMs, 'banned');
    },
  });
  const readings = createRelayReadings({ random, send, prove, take, limits });
  return { connection, publishing, readings, auth, counts };
}

interface Hearers {
  readonly url: string;
  readonly readings: RelayReadings;
  readonly publishing: RelayPublishing;
  readonly auth: RelayAuth;
  readonly log: Log;
}

/** Gives what the relay said to whom it concerns; what concerns nobody (any more) is dropped. */
function heed(message: RelayMessage | undefined, hearers: Hearers): void {
  const { url, readings, publishing, auth, log } = hearers;
  if (message === undefined) return;
  switch (message.verb) {
    case 'EVENT':
    case 'EOSE':
    case 'CLOSED':
      return readings.onMessage(message);
    case 'OK':
      if (auth.onOk(message.id, message.ok)) return;
      return publishing.onOk(message.id, message.ok, message.why);
    case 'AUTH':
      return auth.onChallenge(message.challenge);
    case 'NOTICE':
      return log.debug({ relay: url, notice: message.why }, 'the relay says something');
  }
}
