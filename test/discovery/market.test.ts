import { describe, expect, test } from 'vitest';

import type { KnownNode } from '../../src/discovery/known-node.ts';
import type { Link } from '../../src/discovery/market-node.ts';
import { createMarket } from '../../src/discovery/market.ts';
import type { NodeFindings } from '../../src/discovery/watch/watched-node.ts';
import { announced, marketNode } from './market-nodes.ts';
import { keyOf } from './registry/events.ts';

const [VICTIM, HIJACKER] = [keyOf('victim'), keyOf('hijacker')];
const { health, standing } = marketNode();

function findings(link: Link, parts: Partial<NodeFindings> = {}): NodeFindings {
  return {
    url: 'https://node.example.com',
    link,
    mints: undefined,
    version: undefined,
    health,
    models: undefined,
    modelsAtMs: 0,
    ...parts,
  };
}

function setUp() {
  const found = new Map<string, NodeFindings>();
  const told: unknown[] = [];
  const market = createMarket({
    watch: { findings: (pubkey, d) => found.get(`${pubkey} ${d}`) },
    trust: {
      standing: (pubkey) => ({ ...standing, why: [pubkey] }),
      setLinked: (...args) => void told.push(args),
      setHosts: (...args) => void told.push(args),
    },
  });
  const take = (known: readonly KnownNode[]) => {
    market.setKnown(known);
    market.refresh();
    return market.nodes();
  };
  return { market, found, told, take };
}

describe('the market', () => {
  test('a node that was not asked yet is what it announced', () => {
    const { take, told } = setUp();
    const [node] = take([announced({ name: '' })]);
    expect(node).toMatchObject({
      id: 'node.example.com',
      name: 'node.example.com',
      link: 'unchecked',
      mints: ['https://mint.example.com'],
      models: undefined,
    });
    expect(told).toEqual([
      [keyOf('node'), ['node.example.com']],
      [keyOf('node'), false],
    ]);
  });

  test('what a node says itself goes before what it announced', () => {
    const { take, found } = setUp();
    const mints = ['https://other.example.com'];
    found.set(`${keyOf('node')} d`, findings('linked', { mints, version: '2' }));
    expect(take([announced({ version: '1' })])).toMatchObject([{ mints, version: '2' }]);
  });

  test('a part of the work can be done beforehand; only refreshing shows it', () => {
    const { market, told } = setUp();
    market.setKnown(['one', 'two', 'three'].map((name) => announced({ pubkey: keyOf(name) })));
    told.length = 0;
    expect(market.prepare(2)).toBe(true);
    expect(told).toHaveLength(2);
    expect(market.prepare(2)).toBe(false);
    expect(market.nodes()).toEqual([]);
    expect(market.refresh()).toBe(true);
    expect(market.nodes()).toHaveLength(3);
    expect(told).toHaveLength(3);
    expect(market.refresh()).toBe(false);
  });

  test('a hijacker that announces a node’s URL, and is first, does not take its id', () => {
    const { take, found, market } = setUp();
    found.set(`${HIJACKER} d`, findings('conflict'));
    found.set(`${VICTIM} d`, findings('linked'));
    const nodes = take([announced({ pubkey: HIJACKER }), announced({ pubkey: VICTIM })]);
    expect(nodes.map(({ id, pubkey, link }) => [id, pubkey, link])).toEqual([
      [`node.example.com~${HIJACKER.slice(0, 12)}`, HIJACKER, 'conflict'],
      ['node.example.com', VICTIM, 'linked'],
    ]);
    expect(market.node('https://node.example.com')?.pubkey).toBe(VICTIM);
    expect(market.node(HIJACKER)?.link).toBe('conflict');
  });

  test('a key that announces one URL twice has one node there, the newest', () => {
    const { take } = setUp();
    const nodes = take([
      announced({ d: 'old', createdAt: 1 }),
      announced({ d: 'new', createdAt: 3 }),
      announced({ d: 'other', createdAt: 2 }),
    ]);
    expect(nodes.map(({ id, d }) => [id, d])).toEqual([['node.example.com', 'new']]);
  });

  test('the list stays the same while nothing was touched, and a node that is gone is gone', () => {
    const { take, market, found } = setUp();
    const known = [announced(), announced({ pubkey: VICTIM, urls: ['https://v.example.com'] })];
    const nodes = take(known);
    market.setKnown([...known]);
    expect(market.refresh()).toBe(false);
    expect(market.nodes()).toBe(nodes);
    found.set(`${VICTIM} d`, findings('down', { url: 'https://v.example.com' }));
    expect(market.refresh()).toBe(false);
    market.touch(VICTIM);
    expect(market.refresh()).toBe(true);
    expect(market.node(VICTIM)?.link).toBe('down');
    expect(market.nodes()[0]).toBe(nodes[0]);
    expect(take(known.slice(1)).map(({ pubkey }) => pubkey)).toEqual([VICTIM]);
    expect(market.node(keyOf('node'))).toBeUndefined();
  });
});
