import type { ListedModel } from '../../openai/model-list.ts';
import { requestHeaders } from '../headers.ts';
import { openLink } from '../link.ts';
import { fetchModels } from '../model-list.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { Upstream } from '../upstream.ts';
import { createAsks } from './asks.ts';
import { buyAnswer } from './buy-answer.ts';
import type { RoutstrOptions } from './options.ts';
import { createPriceCheck } from './price-check.ts';

/** A node of the Routstr network, nutroute or Routstr core, whose answers are bought with treasury coins. */
export function createRoutstrUpstream(options: RoutstrOptions): Upstream {
  const { id, onPayerGone, node, buy, observe, purchases, maxHops } = options;
  const baseUrl = `${options.baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
  const way = openLink({ ...options, baseUrl });
  const headers = requestHeaders({ headers: options.headers ?? {} });
  let list: ReadonlyMap<string, ListedModel> = new Map();
  async function models(): Promise<readonly ListedModel[]> {
    const path = `${way.path}/models`;
    const all = await fetchModels(way.link, { path, headers: headers.list, secrets: [] });
    list = new Map(all.map((model) => [model.id, model]));
    return all;
  }
  const listed = options.listed ?? ((model: string) => list.get(model));
  const check = createPriceCheck({ listed, fetchList: models });
  const purse = purchases.purse({ ...options, kind: buy, baseUrl, way, check });
  const shop = { way, headers, kind: buy, purse, asks: createAsks(), check, observe };

  return {
    id,
    onPayerGone,
    buying: purse,
    async send(request, cancel) {
      if (request.hops >= maxHops) throw new UpstreamFailure('unaffordable', 'loop');
      return buyAnswer(shop, request, cancel);
    },
    models,
    async close() {
      purchases.leave(node, way);
      await way.link.pool.destroy();
    },
  };
}
