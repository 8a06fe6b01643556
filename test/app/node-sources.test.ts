import { expect, test } from 'vitest';

import { createNodeSources } from '../../src/app/node-sources.ts';
import type { NodeSources } from '../../src/app/node-sources.ts';
import type { MarketNode } from '../../src/discovery/market-node.ts';
import { listingUpstream, sourceOf } from '../router/market.ts';

function nodeAt(url: string): MarketNode {
  return {
    id: 'n',
    pubkey: 'aa'.repeat(32),
    d: 'd',
    name: 'n',
    about: '',
    version: undefined,
    url,
    urls: [url],
    mints: [],
    announcedAt: 0,
    link: 'linked',
    health: { latencyMs: undefined, answeredAtMs: 0, failures: 0, checkedAtMs: 0 },
    standing: { level: 'unknown', capSat: 50, weight: 1, why: [] },
    models: undefined,
  };
}

/** Remembers which addresses were closed, in order. */
function nodeSources(): { readonly sources: NodeSources; readonly closed: readonly string[] } {
  const closed: string[] = [];
  const sources = createNodeSources(({ id, url }) => {
    const close = async (): Promise<void> => {
      closed.push(url);
    };
    const upstream = { ...listingUpstream(id, () => []), close };
    return sourceOf(id, { baseUrl: url, upstream });
  });
  return { sources, closed };
}

test('a node that goes back to an earlier address is the same there, and each is closed once', async () => {
  const { sources, closed } = nodeSources();
  const first = sources.of(nodeAt('https://a'));
  sources.of(nodeAt('https://b'));

  expect(sources.of(nodeAt('https://a'))).toBe(first);
  await sources.close();

  expect(closed.toSorted()).toEqual(['https://a', 'https://b']);
});

test('a node that moves all the time keeps 300 earlier addresses at most', () => {
  const { sources, closed } = nodeSources();

  for (let move = 0; move <= 302; move += 1) sources.of(nodeAt(`https://${move}`));

  expect(closed).toEqual(['https://0', 'https://1']);
});
