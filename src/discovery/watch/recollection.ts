import { setImmediate } from 'node:timers/promises';

import type { ModelShelf } from './model-shelf.ts';
import type { StoredSites } from './stored-sites.ts';
import type { WatchedSites } from './watched-sites.ts';

/** Brings back what was found before, a little at a time: nothing stands still meanwhile. */
export interface Recollection {
  /** Of the sites that are claimed now. */
  claimed(): Promise<void>;
  /** Of all sites. */
  records(): Promise<void>;
  /** The newest `count` model lists; those that are known already count. */
  models(count: number): Promise<void>;
  /** What is still read counts no more. */
  stop(): void;
}

export interface RecollectionParts {
  readonly stored: StoredSites;
  readonly sites: WatchedSites;
  readonly shelf: ModelShelf;
}

export function createRecollection({ stored, sites, shelf }: RecollectionParts): Recollection {
  let isStopped = false;
  return {
    async claimed() {
      const urls = [...sites.sites()].map(({ record }) => record.url);
      sites.recall(await stored.records(urls));
    },
    async records() {
      for await (const records of stored.slices()) {
        if (isStopped) return;
        sites.recall(records);
      }
    },
    async models(count) {
      const urls = await stored.withModels();
      for (const url of urls.slice(0, count)) {
        if (shelf.get(url) !== undefined) continue;
        const list = await stored.models(url);
        if (isStopped) return;
        if (list === undefined || shelf.get(url) !== undefined) continue;
        shelf.put(url, list);
        sites.changedUrl(url);
        await setImmediate();
      }
    },
    stop() {
      isStopped = true;
    },
  };
}
