import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { readDecisions, writeDecision } from '../../../src/discovery/decision-file.ts';
import { createTrust } from '../../../src/discovery/trust/trust.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { npubOf } from '../../../src/nostr/npub.ts';
import { ANCHOR, CAPS, NODE, OTHER, trustWorld, withheld } from './fixtures.ts';

async function temporaryFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-trust-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'trust.json');
}

test('decisions are written whole, for their owner only, and can be taken back', async () => {
  const file = await temporaryFile();

  await writeDecision(file, NODE, { block: true });
  await writeDecision(file, OTHER, { capSat: 300 });
  await writeDecision(file, NODE, { capSat: 10 });
  await writeDecision(file, ANCHOR, { block: true });
  await writeDecision(file, ANCHOR, undefined);

  expect([...(await readDecisions(file))]).toEqual([
    [NODE, { capSat: 10 }],
    [OTHER, { capSat: 300 }],
  ]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(file, '..'))).toEqual(['trust.json']);
});

test('a cap that could not be read again is not written', async () => {
  const file = await temporaryFile();
  await writeDecision(file, NODE, { block: true });

  await expect(writeDecision(file, OTHER, { capSat: 100_000_001 })).rejects.toThrow('whole number');
  expect(await readDecisions(file)).toEqual(new Map([[NODE, { block: true }]]));
});

test('a decision may stand at an npub', async () => {
  const file = await temporaryFile();
  await writeFile(file, JSON.stringify({ [npubOf(NODE)]: { block: true } }));

  expect(await readDecisions(file)).toEqual(new Map([[NODE, { block: true }]]));
});

test.each([
  ['no JSON', '{', 'is not JSON'],
  ['no object', '[]', 'must hold an object'],
  ['no key', '{"node":{"block":true}}', 'does not stand at a public key'],
  ['both words', `{"${NODE}":{"block":true,"capSat":1}}`, 'must be { "block": true }'],
  ['no word', `{"${NODE}":{}}`, 'is missing'],
  ['a negative cap', `{"${NODE}":{"capSat":-1}}`, 'whole number'],
  ['an unknown word', `{"${NODE}":{"capSat":1,"cap":2}}`, 'is not a known key'],
])('a faulty file (%s) is refused with its place, and never overwritten', async (_, text, why) => {
  const file = await temporaryFile();
  await writeFile(file, text);

  await expect(readDecisions(file)).rejects.toThrow(why);
  await expect(writeDecision(file, OTHER, { block: true })).rejects.toThrow(why);
  expect(await readFile(file, 'utf8')).toBe(text);
});

test('a decision counts in a running router, soon after it was written', async () => {
  const trustFile = await temporaryFile();
  await using world = await trustWorld({ trustFile, pollMs: 5 });
  const { trust } = world;
  await writeDecision(trustFile, NODE, { capSat: 900 });
  await trust.start();
  onTestFinished(() => trust.stop());
  const heard: string[] = [];
  trust.onChange((pubkey) => heard.push(pubkey));

  expect(trust.standing(NODE)).toMatchObject({
    level: 'pinned',
    capSat: 900,
    why: ['trusted by the operator with 900 sat'],
  });

  await writeDecision(trustFile, NODE, { block: true });
  await expect.poll(() => trust.standing(NODE).level).toBe('blocked');
  expect(heard).toEqual([NODE]);

  await writeDecision(trustFile, NODE, undefined);
  await expect.poll(() => trust.standing(NODE).level).toBe('unknown');
});

test('what the operator decided since stands above our dealings with a node that the configuration names', async () => {
  const trustFile = await temporaryFile();
  await using world = await trustWorld({ trustFile, pollMs: 2 });
  const { trust } = world;
  await trust.start();
  onTestFinished(() => trust.stop());
  trust.observe(NODE, withheld(1));
  trust.observe(NODE, withheld(1));

  await writeDecision(trustFile, NODE, { capSat: 900 });
  await expect.poll(() => trust.isShunned(NODE)).toBe(false);

  await writeDecision(trustFile, OTHER, { block: true });
  await expect.poll(() => trust.isShunned(OTHER)).toBe(true);
});

test('a router does not start on decisions that it cannot read', async () => {
  const trustFile = await temporaryFile();
  await writeFile(trustFile, `{"${NODE}":{"block":true},}`);
  await using world = await trustWorld({ trustFile });

  await expect(world.trust.start()).rejects.toThrow(`${trustFile} is not JSON`);
  await world.trust.stop();
});

test('a file that became faulty leaves the last decisions in force, and is complained of once', async () => {
  const trustFile = await temporaryFile();
  await using world = await trustWorld();
  const warnings: string[] = [];
  const trust = createTrust({
    store: world.store,
    clock: world.clock,
    log: { ...silentLog, warn: (_fields, message) => warnings.push(message) },
    caps: CAPS,
    anchors: [],
    deny: [],
    allow: [],
    pins: [],
    trustFile,
    pollMs: 2,
  });
  await writeDecision(trustFile, NODE, { block: true });
  await trust.start();
  onTestFinished(() => trust.stop());

  await writeFile(trustFile, 'not json');
  await expect.poll(() => warnings.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 30));

  expect(trust.standing(NODE).level).toBe('blocked');
  expect(warnings).toHaveLength(1);

  await rm(trustFile);
  await expect.poll(() => trust.standing(NODE).level).toBe('unknown');
});
