import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { EventTemplate } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import type { Signer } from '../../nostr/signer.ts';
import type { Store } from '../../store/store.ts';
import { createAgenda } from './agenda.ts';
import type { Agenda, Occasion } from './agenda.ts';
import type { AnnounceReport } from './announce-report.ts';
import { addressOf, faultIn } from './announced-offer.ts';
import type { AnnouncedOffer } from './announced-offer.ts';
import { ANNOUNCEMENT_KIND } from './announcement-template.ts';
import { tellsMore } from './difference.ts';
import { fittingAnnouncement } from './fitting-announcement.ts';
import { obstacleTo } from './obstacle.ts';
import type { Obstacle, ObstacleParts } from './obstacle.ts';
import { createOwnEvents } from './own-events.ts';
import type { OwnEvent, OwnEvents } from './own-events.ts';
import { createRelayBoard } from './relay-board.ts';
import type { RelayBoard } from './relay-board.ts';
import { publishRelayList } from './relay-list.ts';
import { createRelayPost } from './relay-post.ts';
import { datesOf } from './remote-dates.ts';
import { retire } from './retire.ts';

/** The announcement of one node through time. One call of those that wait at a time. */
export interface Campaign {
  /** Does what is due now, if anything. */
  advance(): Promise<void>;
  announce(): Promise<AnnounceReport>;
  retire(): Promise<AnnounceReport>;
  changed(): void;
  preview(): Promise<EventTemplate>;
  report(): AnnounceReport | undefined;
  /** Nothing is signed by `advance` any more. */
  halt(): void;
}

export interface CampaignOptions {
  readonly signer: Signer;
  /** The node's own, with which it may authenticate itself. They stay open: the caller closes them. */
  readonly relays: readonly RelayLink[];
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly offer: () => AnnouncedOffer;
  /** 0 up to 1. */
  readonly random?: () => number;
  /** The key that our own public URL names, as npub or hex; undefined where it cannot be reached from here. */
  readonly ownInfo?: () => Promise<string | undefined>;
  /** What other clocks say, unix ms; default: the relays' web servers. */
  readonly dates?: (() => Promise<readonly number[]>) | undefined;
  /** Some relays store a moment after they said OK. */
  readonly settleMs?: number;
}

const SETTLE_MS = 500;
/** The event of an earlier run is kept, instead of a new one, while at least half of its life is left. */
const FRESH_MS = 24 * 3_600_000;
/** What is dated further ahead no honest relay holds; it is not outdone. */
const MAX_AHEAD_S = 900;

export function createCampaign(options: CampaignOptions): Campaign {
  const parts = partsOf(options);
  const { relays, board, agenda, clock } = parts;
  const state: State = {
    isHalted: false,
    isRetired: false,
    last: undefined,
    complaint: undefined,
  };
  const report = (): AnnounceReport | undefined =>
    state.last?.outcome === 'announced' ? { ...state.last, relays: board.reports() } : state.last;

  return {
    async advance() {
      if (state.isRetired) return;
      const occasion = agenda.due();
      if (occasion !== undefined) await announce(parts, state, occasion);
      else await board.visit();
    },
    async announce() {
      await announce(parts, state, 'asked');
      const done = report();
      if (done === undefined) throw new Error('an announcement ended without a report');
      return done;
    },
    async retire() {
      state.isRetired = true;
      const done = await retire(parts, addressOf(parts.offer(), parts.signer.pubkey));
      state.last = done;
      return done;
    },
    changed: () => agenda.changed(),
    async preview() {
      const offer = parts.offer();
      const fault = faultIn(offer);
      if (fault !== undefined) throw new Error(fault);
      const make = await fittingAnnouncement(offer, parts.signer.pubkey, relays);
      return make(Math.floor(clock.now() / 1000));
    },
    report,
    halt() {
      state.isHalted = true;
    },
  };
}

interface State {
  isHalted: boolean;
  isRetired: boolean;
  last: AnnounceReport | undefined;
  /** What was logged last as standing against it. */
  complaint: string | undefined;
}

interface Parts extends ObstacleParts {
  readonly signer: Signer;
  readonly relays: readonly RelayLink[];
  readonly offer: () => AnnouncedOffer;
  readonly ownEvents: OwnEvents;
  readonly board: RelayBoard;
  readonly agenda: Agenda;
}

function partsOf(options: CampaignOptions): Parts {
  const { signer, relays, store, clock, log, offer, ownInfo } = options;
  const { settleMs = SETTLE_MS, random = Math.random } = options;
  const posts = relays.map((link) => createRelayPost(link, { clock, log, settleMs }));
  return {
    signer,
    pubkey: signer.pubkey,
    relays,
    clock,
    log,
    offer,
    ownInfo,
    dates: options.dates ?? (() => datesOf(relays.map(({ url }) => url))),
    ownEvents: createOwnEvents({ store, signer, clock }),
    board: createRelayBoard(posts, clock),
    agenda: createAgenda(clock, random),
  };
}

async function announce(parts: Parts, state: State, occasion: Occasion | 'asked'): Promise<void> {
  const { pubkey, relays, ownEvents, log } = parts;
  const offer = parts.offer();
  const coordinate = `${ANNOUNCEMENT_KIND}:${pubkey}:${addressOf(offer, pubkey)}`;
  const own = await ownEvents.of(coordinate);
  state.isRetired = own.retired && occasion !== 'asked';
  if (state.isRetired) {
    log.info({ event: 'retired' }, 'the node is retired: it is not announced');
    return;
  }
  const obstacle = await obstacleTo(offer, parts);
  if (obstacle !== undefined) {
    withhold(parts, state, obstacle);
    return;
  }
  state.complaint = undefined;
  const make = await fittingAnnouncement(offer, pubkey, relays);
  const isDone = hasTold(own, make) && rest(parts, state, { own, occasion });
  if (isDone || (state.isHalted && occasion !== 'asked')) return;
  // Beside each other: a relay that does not answer is waited for once.
  await Promise.all([
    publish(parts, state, { coordinate, make }),
    occasion === 'change' ? undefined : publishRelayList(parts),
  ]);
}

function withhold({ agenda, board, log }: Parts, state: State, { why, pauseMs }: Obstacle): void {
  agenda.withheld(pauseMs);
  const event = state.last?.event;
  state.last = { outcome: 'withheld', why, event, relays: board.reports() };
  if (state.complaint !== why) log.warn({ event: 'not_announced', why }, 'the node is unannounced');
  state.complaint = why;
}

function hasTold(own: OwnEvent, make: (createdAt: number) => EventTemplate): boolean {
  if (own.event === undefined || own.retired) return false;
  return !tellsMore(own.event, make(own.event.created_at));
}

/** Relays were told the same before: whether that is enough for this occasion. */
function rest(
  { agenda, board, clock }: Parts,
  state: State,
  { own, occasion }: { readonly own: OwnEvent; readonly occasion: Occasion | 'asked' },
): boolean {
  if (occasion === 'change') {
    agenda.unchanged();
    return true;
  }
  const ageMs = clock.now() - own.signedAtMs;
  const isFresh = ageMs >= 0 && ageMs < FRESH_MS;
  if (occasion !== 'start' || own.event === undefined || !isFresh) return false;
  state.last = { outcome: 'announced', why: undefined, event: own.event, relays: [] };
  board.adopt(own.event);
  agenda.told(own.signedAtMs);
  return true;
}

async function publish(
  { ownEvents, agenda, board, clock }: Parts,
  state: State,
  next: { readonly coordinate: string; readonly make: (createdAt: number) => EventTemplate },
): Promise<void> {
  const event = await ownEvents.sign(next.coordinate, next.make);
  agenda.told(clock.now());
  state.last = { outcome: 'announced', why: undefined, event, relays: [] };
  await board.send(event);
  const newerS = board.supersededBy();
  // Another router speaks with our key, or our database was lost: our next one must not be older than what is there.
  const isSane = newerS !== undefined && newerS <= clock.now() / 1000 + MAX_AHEAD_S;
  if (isSane) await ownEvents.passOver(next.coordinate, newerS);
}
