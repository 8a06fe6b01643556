import type { MarketNode } from '../discovery/market-node.ts';
import type { CatalogSource } from '../router/catalog-source.ts';

/** The live upstreams of found nodes: each stays one for as long as its address does, also while it is no candidate. */
export interface NodeSources {
  /** The node's source; made, or brought back, where it is not there. */
  of(node: MarketNode): CatalogSource;
  /** All others take no new requests and are closed when none can run any more. */
  keepOnly(ids: ReadonlySet<string>): void;
  close(): Promise<void>;
}

/** Longer than any answer takes. */
const RETIRED_MS = 3_600_000;
/** A node may announce another address every few seconds: beyond so many the oldest is closed. */
const MAX_RETIRED = 300;

export function createNodeSources(create: (node: MarketNode) => CatalogSource): NodeSources {
  const kept = new Map<string, CatalogSource>();
  const retired = new Map<string, { source: CatalogSource; timer: NodeJS.Timeout }>();

  function retire(source: CatalogSource): void {
    kept.delete(source.id);
    const key = keyOf(source.id, source.baseUrl);
    const timer = setTimeout(() => {
      retired.delete(key);
      void source.upstream.close();
    }, RETIRED_MS);
    timer.unref();
    retired.set(key, { source, timer });
    for (const [oldest, { source: gone, timer: itsTimer }] of retired) {
      if (retired.size <= MAX_RETIRED) break;
      clearTimeout(itsTimer);
      retired.delete(oldest);
      void gone.upstream.close();
    }
  }

  function recall(node: MarketNode): CatalogSource | undefined {
    const key = keyOf(node.id, node.url);
    const found = retired.get(key);
    if (found === undefined) return undefined;
    clearTimeout(found.timer);
    retired.delete(key);
    return found.source;
  }

  return {
    of(node) {
      const known = kept.get(node.id);
      if (known?.baseUrl === node.url) return known;
      if (known !== undefined) retire(known);
      const source = recall(node) ?? create(node);
      kept.set(node.id, source);
      return source;
    },
    keepOnly(ids) {
      for (const [id, source] of kept) if (!ids.has(id)) retire(source);
    },
    async close() {
      const gone = [...retired.values()];
      for (const { timer } of gone) clearTimeout(timer);
      const all = [...kept.values(), ...gone.map(({ source }) => source)];
      await Promise.all(all.map(({ upstream }) => upstream.close()));
    },
  };
}

function keyOf(id: string, url: string): string {
  return `${id} ${url}`;
}
