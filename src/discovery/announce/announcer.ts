import { setTimeout as pause } from 'node:timers/promises';

import type { EventTemplate } from '../../nostr/event.ts';
import type { AnnounceReport } from './announce-report.ts';
import { createCampaign } from './campaign.ts';
import type { CampaignOptions } from './campaign.ts';
import { createTurns } from './turns.ts';

/** Tells relays what this node sells, and keeps it told. */
export interface Announcer {
  /** Announces now, also after a retirement, which this ends. Resolves when every relay has answered or was given up. */
  announceNow(): Promise<AnnounceReport>;
  /**
   * Takes the announcement back, on all relays, for at most 8 s; remembered: nothing is announced again before `announceNow`,
   * in no later run either.
   */
  retire(): Promise<AnnounceReport>;
  /** The offer may have changed: announced half a minute later, if it tells readers something new. */
  changed(): void;
  /** What would be announced now; nothing is signed or sent. Rejects, with words for the operator, when that makes no sense. */
  preview(): Promise<EventTemplate>;
  /** Announces, unless an earlier run told relays the same, and again every 6 h. */
  start(): void;
  /** Ends announcing; what was announced stays until it expires. */
  stop(): Promise<void>;
  /** What became of the last attempt, as of now. */
  report(): AnnounceReport | undefined;
}

export interface AnnouncerOptions extends CampaignOptions {
  readonly tickMs?: number;
}

const TICK_MS = 1_000;
/** How long the end of the process waits for what is on its way. */
const STOP_MS = 2_000;

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { log, tickMs = TICK_MS } = options;
  const campaign = createCampaign(options);
  const turns = createTurns();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  const tick = async (): Promise<void> => {
    try {
      await turns.take(() => campaign.advance());
    } catch (error) {
      log.error({ err: error }, 'announcing failed; tried again');
    }
    if (!isStopped) timer = setTimeout(() => void tick(), tickMs).unref();
  };

  return {
    announceNow: () => turns.take(() => campaign.announce()),
    retire: () => turns.take(() => campaign.retire()),
    changed: () => campaign.changed(),
    preview: () => campaign.preview(),
    report: () => campaign.report(),
    start() {
      void tick();
    },
    async stop() {
      isStopped = true;
      campaign.halt();
      clearTimeout(timer);
      await Promise.race([turns.idle(), pause(STOP_MS, undefined, { ref: false })]);
    },
  };
}
