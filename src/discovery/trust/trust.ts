import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import type { Observation, Standing } from '../standing.ts';
import { createAnchorWords } from './anchor-words.ts';
import type { Anchor, Reviews } from './anchor-words.ts';
import { createDecisions } from './decisions.ts';
import { noExperience } from './experience.ts';
import { createExperiences } from './experiences.ts';
import { judgementOn, standingOf } from './level.ts';
import type { Caps } from './level.ts';
import { createNews } from './news.ts';
import { createRules } from './rules.ts';

/** Says of every node how far it is trusted, from what the operator, the anchors and our own experience say. */
export interface Trust {
  /** As of now; never waits. */
  standing(pubkey: string): Standing;
  /** What our own dealings alone show: fit to be published as a review. */
  judgement(pubkey: string): 'verified' | 'avoid' | undefined;
  /**
   * Whether nothing more may be bought from a node that the configuration names: the operator blocked it since, or, unless the
   * operator decided to trust it, our own dealings show that it cheats. Anchors and lists do not count here.
   */
  isShunned(pubkey: string): boolean;
  /** Counts at once; in the database within a second. */
  observe(pubkey: string, observation: Observation): void;
  /** All that the anchors say, in place of what they said before. `blacklisted`: public keys. */
  setReviews(reviews: Reviews, blacklisted: Iterable<string>): void;
  /** Whether the address of the node names its key. */
  setLinked(pubkey: string, linked: boolean): void;
  /** The host names at which the node may be dialled, for the lists of allowed and denied ones. */
  setHosts(pubkey: string, hosts: readonly string[]): void;
  /** Told when the level, the cap or the weight of a node has changed so that it matters. */
  onChange(listener: (pubkey: string) => void): void;
  /** Resolves when what is stored is loaded. */
  start(): Promise<void>;
  /** Writes what is not written yet. */
  stop(): Promise<void>;
}

export interface TrustOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly caps: Caps;
  readonly anchors: readonly Anchor[];
  /** Keys and host names. A node with any denied name is blocked. */
  readonly deny: readonly string[];
  /** Keys and host names; where not empty, a node is blocked unless its key or all its hosts are named. */
  readonly allow: readonly string[];
  readonly pins: readonly { readonly pubkey: string; readonly capSat: number }[];
  /** The operator's decisions (decision-file.ts); a change counts within 2 s. */
  readonly trustFile: string;
  readonly pollMs?: number;
}

/** Numbers fade, and so standings change, while nothing happens. */
const SWEEP_MS = 60_000;
/** Nodes of which something is kept here; the registry knows no more of them. */
const MAX_NODES = 100_000;

export function createTrust(options: TrustOptions): Trust {
  const { store, clock, log, caps } = options;
  const experiences = createExperiences({ store, clock, log });
  const words = createAnchorWords(options.anchors);
  const rules = createRules(options);
  const linked = new Set<string>();
  const stranger = strangerTo(caps, false);
  const linkedStranger = strangerTo(caps, true);
  let sweeper: NodeJS.Timeout | undefined;

  const standing = (pubkey: string): Standing => {
    const evidence = {
      ruling: rules.of(pubkey, decisions.of(pubkey)),
      blacklisted: words.isBlacklisted(pubkey),
      words: words.of(pubkey),
      linked: linked.has(pubkey),
    };
    // Of thousands of nodes nearly all are strangers: they share their standing.
    const isSpokenOf =
      evidence.ruling !== undefined || evidence.blacklisted || evidence.words.length > 0;
    if (!isSpokenOf && !experiences.has(pubkey)) {
      return evidence.linked ? linkedStranger : stranger;
    }
    return standingOf({ ...evidence, experience: experiences.of(pubkey) }, caps);
  };
  const news = createNews(standing, stranger);
  const { trustFile: file, pollMs } = options;
  const decisions = createDecisions({
    file,
    log,
    pollMs,
    onChange: (pubkeys) => news.tell(pubkeys),
  });
  const judgement: Trust['judgement'] = (pubkey) =>
    judgementOn({ linked: linked.has(pubkey), experience: experiences.of(pubkey) }, caps);

  return {
    standing,
    judgement,
    isShunned(pubkey) {
      const decision = decisions.of(pubkey);
      return decision === undefined ? judgement(pubkey) === 'avoid' : 'block' in decision;
    },
    observe(pubkey, observation) {
      experiences.note(pubkey, observation);
      news.tell([pubkey]);
    },
    setReviews(reviews, blacklisted) {
      news.tell(words.set(reviews, blacklisted));
    },
    setLinked(pubkey, isLinked) {
      if (linked.has(pubkey) === isLinked) return;
      if (!isLinked) linked.delete(pubkey);
      else if (linked.size < MAX_NODES) linked.add(pubkey);
      news.tell([pubkey]);
    },
    setHosts(pubkey, hosts) {
      if (rules.setHosts(pubkey, hosts)) news.tell([pubkey]);
    },
    onChange: (listener) => news.onChange(listener),
    async start() {
      await Promise.all([experiences.load(), decisions.start()]);
      sweeper = setInterval(() => news.tell([...experiences.pubkeys()]), SWEEP_MS).unref();
    },
    async stop() {
      clearInterval(sweeper);
      decisions.stop();
      await experiences.flush();
    },
  };
}

function strangerTo(caps: Caps, linked: boolean): Standing {
  const experience = noExperience(0);
  return standingOf({ ruling: undefined, blacklisted: false, words: [], linked, experience }, caps);
}
