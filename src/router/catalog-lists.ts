import type { Log } from '../lib/log.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import type { CatalogSource } from './catalog-source.ts';

/** What the upstreams themselves list, as they said last. */
export interface CatalogLists {
  /** The same array until the upstream lists something else, or was asked again. Undefined while it has not answered. */
  of(source: CatalogSource): readonly ListedModel[] | undefined;
  /** It has to be asked and has never answered. */
  isMissing(source: CatalogSource): boolean;
  /** Asks the upstreams whose lists nobody else keeps. One that does not answer keeps its last list. Forgets all other upstreams. */
  read(sources: readonly CatalogSource[]): Promise<void>;
}

export function createCatalogLists(log: Log): CatalogLists {
  const lists = new Map<string, readonly ListedModel[]>();

  async function ask(source: CatalogSource): Promise<void> {
    try {
      lists.set(source.id, await source.upstream.models());
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      log.warn(
        { provider: source.id, failure: error.kind },
        'an upstream does not tell its models',
      );
    }
  }

  return {
    of: ({ id, listed }) => (listed === undefined ? lists.get(id) : listed()),
    isMissing: ({ id, models, listed }) => models === '*' && listed === undefined && !lists.has(id),
    async read(sources) {
      const own = sources.filter(({ listed }) => listed === undefined);
      const ids = new Set(own.map(({ id }) => id));
      for (const id of lists.keys()) if (!ids.has(id)) lists.delete(id);
      await Promise.all(own.map(ask));
    },
  };
}
