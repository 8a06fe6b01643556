import type { ModelSource } from '../http/models.ts';
import { systemClock } from '../lib/clock.ts';
import type { Rate } from '../rate/rate.ts';
import type { Catalog } from '../router/catalog.ts';
import { modelItems } from '../router/model-items.ts';

/** What `/v1/models` lists; made anew only when the catalog has changed. */
export function modelSource(catalog: Catalog, rate: Rate): ModelSource {
  const startedS = Math.floor(systemClock.now() / 1000);
  let listed: ReturnType<Catalog['models']> | undefined;
  let items: ReturnType<typeof modelItems> = [];
  return {
    items() {
      const models = catalog.models();
      if (models !== listed) {
        listed = models;
        items = modelItems(models, { usdPmsat: rate.current()?.usdPmsat, startedS });
      }
      return items;
    },
  };
}
