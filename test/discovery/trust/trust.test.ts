import { expect, test } from 'vitest';

import { createExperiences } from '../../../src/discovery/trust/experiences.ts';
import { exposureCapSat } from '../../../src/discovery/trust/exposure.ts';
import { MAX_EXPERIENCES } from '../../../src/discovery/trust/memory.ts';
import type { Trust } from '../../../src/discovery/trust/trust.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { npubOf } from '../../../src/nostr/npub.ts';
import {
  ANCHOR,
  DAY_MS,
  HONEST,
  NODE,
  OTHER,
  paid,
  returned,
  trustWorld,
  withheld,
} from './fixtures.ts';

function review(label: string, positive: boolean, anchor = ANCHOR) {
  return new Map([[NODE, [{ anchor, label, positive, createdAt: 1 }]]]);
}

function makeProven(trust: Trust, pubkey = NODE): void {
  trust.setLinked(pubkey, true);
  for (const observation of HONEST) trust.observe(pubkey, observation);
}

test('a node that nobody knows may hold 50 sat and stands for little', async () => {
  await using world = await trustWorld();

  const standing = world.trust.standing(NODE);

  expect(standing).toMatchObject({ level: 'unknown', capSat: 50 });
  expect(standing.weight).toBeLessThan(0.25);
  expect(standing.why).toContain('lacks: an address that names its key');
});

test('a linked node that priced three requests right and gave its change back is proven', async () => {
  await using world = await trustWorld();
  const { trust } = world;
  trust.setLinked(NODE, true);
  for (const observation of HONEST.slice(0, -1)) trust.observe(NODE, observation);
  expect(trust.standing(NODE)).toMatchObject({ level: 'unknown' });

  trust.observe(NODE, returned(35));

  expect(trust.standing(NODE)).toMatchObject({ level: 'proven', capSat: 50 });
  expect(trust.standing(NODE).why).toEqual([
    'its address names its key',
    'paid requests priced right: 3, debts paid back: 1, sat handled: 50',
  ]);
});

test('the cap of a proven node grows with what it handled honestly, up to 500 sat', async () => {
  await using world = await trustWorld();
  const { trust } = world;
  makeProven(trust);

  trust.observe(NODE, returned(100));
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven', capSat: 150 });

  trust.observe(NODE, returned(10_000));
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven', capSat: 500 });
});

test('without the link to its address an honest node stays unknown', async () => {
  await using world = await trustWorld();
  makeProven(world.trust);

  world.trust.setLinked(NODE, false);

  expect(world.trust.standing(NODE)).toMatchObject({ level: 'unknown', capSat: 50 });
});

test('requests that cost nothing, or whose price nobody can check, prove nothing', async () => {
  await using world = await trustWorld();
  const { trust } = world;
  trust.setLinked(NODE, true);
  for (let i = 0; i < 100; i += 1) {
    trust.observe(NODE, { kind: 'paid', chargedMsat: 0n, expectedMsat: 0n });
    trust.observe(NODE, { kind: 'paid', chargedMsat: 1000n, expectedMsat: undefined });
    trust.observe(NODE, { kind: 'paid', chargedMsat: 9000n, expectedMsat: 1000n });
  }
  trust.observe(NODE, returned(100));

  expect(trust.standing(NODE)).toMatchObject({ level: 'unknown', capSat: 50 });
  expect(trust.standing(NODE).why).toContain('lacks: paid requests priced right (0 of 3)');
});

test('a proven node that an anchor praises is good; an unproven one gains nothing by it', async () => {
  await using world = await trustWorld();
  const { trust } = world;

  trust.setReviews(review('lgtm', true), []);
  expect(trust.standing(NODE)).toMatchObject({ level: 'unknown', capSat: 50 });

  makeProven(trust);
  expect(trust.standing(NODE)).toMatchObject({ level: 'good', capSat: 2_000 });
  expect(trust.standing(NODE).why).toContain('the anchor cccccccc... says "lgtm"');

  trust.setReviews(new Map(), []);
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven', capSat: 50 });
});

test('anchors of little weight have to agree before a node is good', async () => {
  const second = 'd'.repeat(64);
  const anchors = [ANCHOR, second].map((pubkey) => ({ pubkey, weight: 0.5, mayBlock: false }));
  await using world = await trustWorld({ anchors });
  makeProven(world.trust);
  const words = [{ anchor: ANCHOR, label: 'lgtm', positive: true }];

  world.trust.setReviews(new Map([[NODE, words]]), []);
  expect(world.trust.standing(NODE)).toMatchObject({ level: 'proven' });

  const agreed = [...words, { anchor: second, label: 'trusted', positive: true }];
  world.trust.setReviews(new Map([[NODE, agreed]]), []);
  expect(world.trust.standing(NODE)).toMatchObject({ level: 'good' });
});

test('the warning of an anchor that may block blocks, and only then', async () => {
  const bystander = 'd'.repeat(64);
  await using world = await trustWorld({
    anchors: [
      { pubkey: ANCHOR, weight: 0.1, mayBlock: true },
      { pubkey: bystander, weight: 1, mayBlock: false },
    ],
  });
  const { trust } = world;
  makeProven(trust);

  trust.setReviews(review('avoid', false, bystander), []);
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven' });

  trust.setReviews(review('avoid', false, 'e'.repeat(64)), []);
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven' });

  trust.setReviews(review('avoid', false), []);
  expect(trust.standing(NODE)).toEqual({
    level: 'blocked',
    capSat: 0,
    weight: 0,
    why: ['the anchor cccccccc... says "avoid"'],
  });

  trust.setReviews(new Map(), [NODE]);
  expect(trust.standing(NODE)).toMatchObject({
    level: 'blocked',
    why: ['an anchor blacklists it'],
  });
  expect(trust.standing(OTHER)).toMatchObject({ level: 'unknown' });
});

test('change that is kept makes a good node unknown at once, and blocked the second time', async () => {
  await using world = await trustWorld();
  const { trust } = world;
  trust.setReviews(review('lgtm', true), []);
  makeProven(trust);

  trust.observe(NODE, withheld(20));
  expect(trust.standing(NODE)).toMatchObject({ level: 'unknown', capSat: 50 });
  expect(trust.standing(NODE).why).toContain('overcharges and kept change: 1, 20000 msat in all');

  trust.observe(NODE, withheld(20));
  expect(trust.standing(NODE)).toMatchObject({ level: 'blocked', capSat: 0, weight: 0 });
});

test('an overcharge that an exchange rate explains weighs half', async () => {
  await using world = await trustWorld();
  makeProven(world.trust);
  const small = { kind: 'overcharged', chargedMsat: 10_500n, expectedMsat: 10_000n } as const;

  world.trust.observe(NODE, small);
  world.trust.observe(NODE, small);
  expect(world.trust.standing(NODE)).toMatchObject({ level: 'unknown' });

  world.trust.observe(NODE, small);
  expect(world.trust.standing(NODE)).toMatchObject({ level: 'blocked' });
});

test('a payer and a node that together have answers charged that nobody can count do so for a while only', async () => {
  await using world = await trustWorld();
  const { trust, clock } = world;
  const cap = 50_000n;
  const left = { kind: 'unchecked', msat: cap } as const;

  trust.observe(NODE, left);
  trust.observe(NODE, left);
  expect(trust.standing(NODE).level).toBe('unknown');
  trust.observe(NODE, left);
  expect(trust.standing(NODE)).toMatchObject({
    level: 'blocked',
    why: ['it charged too much of what nobody can count'],
  });
  clock.advance(14 * DAY_MS);
  expect(trust.standing(NODE).level).toBe('unknown');
});

test('what payers that leave cost at an honest node changes nothing', async () => {
  await using world = await trustWorld();
  makeProven(world.trust);
  for (let chats = 0; chats < 20; chats += 1) {
    const msat = 20_000n;
    world.trust.observe(NODE, { kind: 'paid', chargedMsat: msat, expectedMsat: msat });
    world.trust.observe(NODE, { kind: 'covered', msat: msat / 4n });
    world.trust.observe(NODE, { kind: 'unchecked', msat: msat / 4n });
  }
  expect(world.trust.standing(NODE).level).toBe('proven');
});

test('who cheated comes back only slowly, and has to prove more than before', async () => {
  await using world = await trustWorld();
  const { trust, clock } = world;
  makeProven(trust);
  trust.observe(NODE, withheld(20));
  trust.observe(NODE, withheld(20));

  clock.advance(2 * DAY_MS);
  expect(trust.standing(NODE)).toMatchObject({ level: 'blocked' });

  clock.advance(2 * DAY_MS);
  expect(trust.standing(NODE)).toMatchObject({ level: 'unknown' });
  for (const observation of [...HONEST, ...HONEST]) trust.observe(NODE, observation);
  expect(trust.standing(NODE).why).toContain('lacks: time since its last fault');

  clock.advance(30 * DAY_MS);
  expect(trust.standing(NODE)).toMatchObject({ level: 'proven', capSat: 110 });
});

test('failures lower the weight, and fade within days', async () => {
  await using world = await trustWorld();
  const { trust, clock } = world;
  makeProven(trust);
  const before = trust.standing(NODE);

  for (let i = 0; i < 10; i += 1) trust.observe(NODE, { kind: 'failed', what: 'timeout' });
  const after = trust.standing(NODE);

  expect(after).toMatchObject({ level: 'proven', capSat: before.capSat });
  expect(after.weight).toBeLessThan(before.weight / 2);
  clock.advance(10 * DAY_MS);
  trust.observe(NODE, paid(1));
  trust.observe(NODE, paid(1));
  expect(trust.standing(NODE).weight).toBeGreaterThan(after.weight);
});

test('a pinned node has the cap that was configured, whatever others and experience say', async () => {
  await using world = await trustWorld({ pins: [{ pubkey: NODE, capSat: 7_000 }] });
  const { trust } = world;
  trust.setReviews(review('avoid', false), [NODE]);
  for (let i = 0; i < 5; i += 1) trust.observe(NODE, withheld(1));

  const standing = trust.standing(NODE);

  expect(standing).toMatchObject({ level: 'pinned', capSat: 7_000 });
  expect(standing.why[0]).toBe('pinned by the configuration with 7000 sat');
  expect(standing.why[1]).toContain('kept change: 5');
});

test('a denied node is blocked even where it is pinned, by its key or any of its hosts', async () => {
  await using world = await trustWorld({
    pins: [{ pubkey: NODE, capSat: 7_000 }],
    deny: [npubOf(NODE), 'Bad.example'],
  });
  const { trust } = world;
  trust.setHosts(OTHER, ['good.example', 'bad.example']);

  expect(trust.standing(NODE)).toMatchObject({
    level: 'blocked',
    why: ['denied by the configuration'],
  });
  expect(trust.standing(OTHER)).toMatchObject({ level: 'blocked' });
});

test('where some nodes are allowed, a stranger that names their host beside its own is not', async () => {
  await using world = await trustWorld({ allow: [NODE, 'good.example'] });
  const { trust } = world;
  const [third, fourth] = ['d'.repeat(64), 'e'.repeat(64)];
  trust.setHosts(OTHER, ['good.example']);
  trust.setHosts(third, ['good.example', 'mine.example']);

  expect(trust.standing(NODE).level).toBe('unknown');
  expect(trust.standing(OTHER).level).toBe('unknown');
  expect(trust.standing(third).level).toBe('blocked');
  expect(trust.standing(fourth).level).toBe('blocked');
});

test('a review of our own rests on our own dealings alone', async () => {
  await using world = await trustWorld({ deny: [NODE], pins: [{ pubkey: OTHER, capSat: 1 }] });
  const { trust } = world;
  expect([trust.judgement(NODE), trust.judgement(OTHER)]).toEqual([undefined, undefined]);

  makeProven(trust);
  trust.observe(OTHER, withheld(1));
  trust.observe(OTHER, withheld(1));

  expect([trust.judgement(NODE), trust.judgement(OTHER)]).toEqual(['verified', 'avoid']);
});

test('a node that the configuration names is shunned for what we met with it, not for what others say', async () => {
  await using world = await trustWorld({ deny: [NODE] });
  const { trust } = world;
  trust.setReviews(review('avoid', false), []);
  expect([trust.isShunned(NODE), trust.isShunned(OTHER)]).toEqual([false, false]);

  trust.observe(NODE, withheld(1));
  expect(trust.isShunned(NODE)).toBe(false);
  trust.observe(NODE, withheld(1));
  expect([trust.isShunned(NODE), trust.isShunned(OTHER)]).toEqual([true, false]);
});

test('what is met with a node before the rest is loaded comes on top of it', async () => {
  await using world = await trustWorld();
  world.trust.observe(NODE, withheld(1));
  await world.trust.stop();

  const restarted = world.reopen();
  restarted.observe(NODE, withheld(1));
  await restarted.start();
  expect(restarted.isShunned(NODE)).toBe(true);
  await restarted.stop();

  const again = world.reopen();
  await again.start();
  expect(again.isShunned(NODE)).toBe(true);
  await again.stop();
});

test('listeners hear of what matters, once', async () => {
  await using world = await trustWorld();
  const { trust } = world;
  const heard: string[] = [];
  trust.onChange((pubkey) => heard.push(pubkey));

  trust.setLinked(NODE, true);
  trust.setReviews(review('lgtm', true), []);
  expect(heard).toEqual([]);

  for (const observation of HONEST) trust.observe(NODE, observation);
  const told = heard.length;
  expect(told).toBeGreaterThan(0);

  for (let i = 0; i < 50; i += 1) trust.observe(NODE, paid(1));
  expect(heard.length - told).toBeLessThan(5);

  trust.setReviews(review('avoid', false), []);
  expect(trust.standing(heard.at(-1) ?? '').level).toBe('blocked');
});

test('what was met with a node is remembered after a restart', async () => {
  await using world = await trustWorld();
  makeProven(world.trust);
  world.trust.observe(OTHER, withheld(3));
  world.trust.observe(OTHER, { kind: 'overcharged', chargedMsat: 9n, expectedMsat: 1n });
  await world.trust.stop();

  const restarted = world.reopen();
  await restarted.start();
  restarted.setLinked(NODE, true);

  expect(restarted.standing(NODE)).toEqual(world.trust.standing(NODE));
  expect(restarted.standing(NODE).level).toBe('proven');
  expect(restarted.standing(OTHER)).toEqual(world.trust.standing(OTHER));
  expect(restarted.standing(OTHER).level).toBe('blocked');
  await restarted.stop();
});

test('what happened is written without being asked to, within a second', async () => {
  await using world = await trustWorld();
  makeProven(world.trust);

  await expect
    .poll(async () => {
      const other = world.reopen();
      await other.start();
      other.setLinked(NODE, true);
      const { level } = other.standing(NODE);
      await other.stop();
      return level;
    })
    .toBe('proven');
});

test('all unknown nodes together take no more than their pool', async () => {
  await using world = await trustWorld();
  let atRiskSat = 0;
  for (let i = 0; i < 1_000; i += 1) {
    const standing = world.trust.standing(i.toString(16).padStart(64, '0'));
    atRiskSat += exposureCapSat(standing, { totalSat: 220, othersSat: atRiskSat });
  }
  makeProven(world.trust);

  expect(atRiskSat).toBe(220);
  expect(exposureCapSat(world.trust.standing(OTHER), { totalSat: 200, othersSat: 220 })).toBe(0);
  expect(exposureCapSat(world.trust.standing(NODE), { totalSat: 200, othersSat: 200 })).toBe(50);
});

test('who fills the memory with strangers makes it forget neither faults nor itself grow', async () => {
  await using world = await trustWorld();
  const experiences = createExperiences({ ...world, log: silentLog });
  await experiences.load();
  experiences.note(NODE, withheld(1));
  for (let i = 0; i < MAX_EXPERIENCES + 10; i += 1) {
    experiences.note(i.toString(16).padStart(64, '0'), { kind: 'failed', what: 'refused' });
  }
  await experiences.flush();

  const restarted = createExperiences({ ...world, log: silentLog });
  await restarted.load();
  expect([...restarted.pubkeys()]).toHaveLength(MAX_EXPERIENCES);
  expect(restarted.of(NODE).faultsEver).toBe(1);
});
