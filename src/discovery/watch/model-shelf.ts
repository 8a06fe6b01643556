import type { ListedModel } from '../../openai/model-list.ts';

/** What a site sells, as it said last. */
export interface ModelList {
  readonly models: readonly ListedModel[];
  readonly etag: string | undefined;
  /** When it was read, or said to be still so. */
  readonly atMs: number;
}

/** The model lists that are held in memory, by URL: so many lists, and so many models in all. */
export interface ModelShelf {
  get(url: string): ModelList | undefined;
  /** Returns the URLs whose lists had to go for it: the longest, then the oldest. It may be among them. */
  put(url: string, list: ModelList): readonly string[];
}

export interface ShelfLimits {
  readonly lists: number;
  readonly models: number;
}

export const SHELF_LIMITS: ShelfLimits = { lists: 512, models: 200_000 };

export function createModelShelf(limits: ShelfLimits = SHELF_LIMITS): ModelShelf {
  /** Oldest first. */
  const lists = new Map<string, ModelList>();
  let held = 0;

  function remove(url: string): void {
    held -= lists.get(url)?.models.length ?? 0;
    lists.delete(url);
  }

  /** Who sells the most at once is the least likely to have it all. */
  function longest(): string | undefined {
    let found: string | undefined;
    let length = -1;
    for (const [url, { models }] of lists) {
      if (models.length <= length) continue;
      found = url;
      length = models.length;
    }
    return found;
  }

  function surplus(): string | undefined {
    if (held > limits.models) return longest();
    const [oldest] = lists.size > limits.lists ? lists.keys() : [];
    return oldest;
  }

  return {
    get: (url) => lists.get(url),
    put(url, list) {
      remove(url);
      lists.set(url, list);
      held += list.models.length;
      const gone: string[] = [];
      for (let next = surplus(); next !== undefined; next = surplus()) {
        remove(next);
        gone.push(next);
      }
      return gone;
    },
  };
}
