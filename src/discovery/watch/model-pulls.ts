import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { ModelList, ModelShelf } from './model-shelf.ts';
import { askModels } from './node-probe.ts';
import type { ModelsAnswer, NodeReader } from './node-probe.ts';
import { createProbeQueue } from './probe-queue.ts';
import { modelsDelayMs } from './schedule.ts';
import type { Site } from './site-book.ts';
import { isAlive } from './site-record.ts';
import type { SiteStore } from './site-store.ts';

/** Asks sites what they sell, a few at once, and sets when each is asked next. */
export interface ModelPulls {
  /** Resolves when the answer is on the shelf, or none came. Undefined: too many wait, or the site is not alive. */
  pull(site: Site): Promise<void> | undefined;
  /** What is still answered counts no more. */
  stop(): void;
}

export interface ModelPullsOptions {
  readonly guard: NodeReader;
  readonly shelf: ModelShelf;
  readonly siteStore: SiteStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onPulled: (site: Site) => void;
  /** The list of this URL had to go for another. */
  readonly onDropped: (url: string) => void;
}

/** Reading a long list takes some milliseconds of the event loop. */
const AT_ONCE = 4;
const MAX_WAITING = 1024;

export function createModelPulls(options: ModelPullsOptions): ModelPulls {
  const { guard, shelf, siteStore, clock, log, random } = options;
  const queue = createProbeQueue({
    running: AT_ONCE,
    urgent: AT_ONCE,
    background: 0,
    waiting: MAX_WAITING,
  });
  let isStopped = false;

  async function pullNow(site: Site): Promise<void> {
    const { url } = site.record;
    const held = shelf.get(url);
    const answer = await askModels(guard, url, held?.etag);
    if (isStopped) return;
    const nowMs = clock.now();
    site.modelsFailures = answer.kind === 'failed' ? site.modelsFailures + 1 : 0;
    site.modelsDueAtMs = nowMs + modelsDelayMs(site.modelsFailures, random());
    if (answer.kind === 'failed') {
      log.debug({ event: 'node_models_failed', url, err: answer.why }, 'a node told no models');
      return;
    }
    shelve(url, listOf(answer, held, nowMs), answer.kind === 'same');
    options.onPulled(site);
  }

  function shelve(url: string, list: ModelList, isStored: boolean): void {
    if (isStored) siteStore.renewModels(url, list.atMs);
    else siteStore.keepModels(url, list);
    for (const gone of shelf.put(url, list)) {
      siteStore.keepModels(gone, undefined);
      options.onDropped(gone);
    }
  }

  return {
    pull(site) {
      if (!isAlive(site.record, clock.now())) return undefined;
      const done = queue.add(site.record.url, () => pullNow(site), true);
      if (done !== undefined) site.modelsDueAtMs = Infinity;
      return done;
    },
    stop() {
      isStopped = true;
      queue.clear();
    },
  };
}

function listOf(
  answer: Exclude<ModelsAnswer, { kind: 'failed' }>,
  held: ModelList | undefined,
  atMs: number,
): ModelList {
  if (answer.kind === 'list') return { models: answer.models, etag: answer.etag, atMs };
  // It was asked with the ETag of a list that was held.
  return { models: held?.models ?? [], etag: held?.etag, atMs };
}
