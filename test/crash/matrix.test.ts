import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { CrashPoint } from './crash-point.ts';
import { booksOf, startLane } from './lane.ts';
import type { Lane } from './lane.ts';
import { crashWorld, PAID_SAT, TOKEN_FEE_SAT } from './matrix-world.ts';
import type { CrashWorld } from './matrix-world.ts';
import { chargeFor } from './models.ts';
import { eventually } from './payer.ts';
import type { Ask } from './payer.ts';
import { proofs } from './router.ts';
import { learnUsage } from './usage.ts';
import type { UsageOf } from './usage.ts';

/** The ten places of `kill -9`: each is proven to be hit; then the router starts again on what is left. */

const PROMPT = 'What is a coin?';
const DEADLINE_MS = 30_000;
/** DESIGN.md money rule 7 says 2 s; the rest is for a busy machine. */
const UNMETERED_MS = 3_000;
/** What the token is worth once redeemed. */
const WORTH_SAT = PAID_SAT - TOKEN_FEE_SAT;

let lane: Lane;
let usageOf: UsageOf;

beforeAll(async () => {
  lane = await startLane(100);
  usageOf = await learnUsage(lane);
});

afterAll(async () => {
  await lane.close();
});

function asking(world: CrashWorld, rest: Partial<Ask> = {}): Ask {
  return { token: world.token, model: 'quick', prompt: PROMPT, stream: true, ...rest };
}

/** Runs a request into the point. */
async function crashAt(
  world: CrashWorld,
  point: CrashPoint,
  rest: Partial<Ask> = {},
): Promise<void> {
  const router = await world.start(point);
  const result = await world.payer.chat(asking(world, rest));
  await router.gone;
  expect(proofs(world.home)).toEqual([point]);
  expect(result.end).toBe('broken');
}

/** Kills the router from outside while a request is in the state that `isReached` sees. */
async function killWhen(
  world: CrashWorld,
  isReached: () => Promise<boolean>,
  rest: Partial<Ask> = {},
): Promise<number> {
  const router = await world.start();
  const asked = world.payer.chat(asking(world, rest));
  const reached = await eventually(async () => (await isReached()) || undefined, DEADLINE_MS);
  expect(reached).toBe(true);
  const killedAtMs = Date.now();
  await router.kill();
  expect((await asked).end).toBe('broken');
  return killedAtMs;
}

async function expectEverySat(world: CrashWorld): Promise<void> {
  expect(await world.finish()).toMatchObject({ faults: [], lostSat: 0, complaints: [], exit: 0 });
}

/** Nothing was taken: the same token pays for a request as if it were new, and its change can be fetched. */
async function expectStillWhole(world: CrashWorld): Promise<void> {
  const result = await world.payer.chat(asking(world));
  expect(result).toMatchObject({ end: 'complete', status: 200 });
  const left = WORTH_SAT * 1000 - chargeFor(usageOf('quick', PROMPT));
  expect(await world.refundSat()).toBe(Math.floor(left / 1000));
  await expectEverySat(world);
}

async function swapCalls(): Promise<number> {
  return lane.mint.command<number>('callCount', { path: '/v1/swap' });
}

test('killed before the journal: the mint was never called, the token is as good as new', async () => {
  await using world = await crashWorld(lane, usageOf);
  const calls = await swapCalls();
  await crashAt(world, 'before-journal');
  expect(await swapCalls()).toBe(calls);

  await world.start();

  expect((await world.payer.refund(world.token)).status).toBe(404);
  await expectStillWhole(world);
});

test('killed after the journal, before the swap was sent: it is sent when the token comes again', async () => {
  await using world = await crashWorld(lane, usageOf);
  const calls = await swapCalls();
  await crashAt(world, 'after-journal');
  expect(await swapCalls()).toBe(calls);

  await world.start();

  await expectStillWhole(world);
  // One for the token, and what the audit spends afterwards.
  expect(await swapCalls()).toBeGreaterThan(calls);
});

test('killed when the swap was sent and the mint had not executed it: nothing was taken', async () => {
  await using world = await crashWorld(lane, usageOf);
  const calls = await swapCalls();
  const { spent } = await booksOf(lane);
  await lane.mint.command('addFault', { path: '/v1/swap', kind: 'hang', when: 'before' });
  await killWhen(world, async () => (await swapCalls()) > calls);
  expect((await booksOf(lane)).spent).toBe(spent);

  await world.start();

  await expectStillWhole(world);
});

test('killed when the mint had executed the swap and not answered: its coins are restored', async () => {
  await using world = await crashWorld(lane, usageOf);
  const { spent } = await booksOf(lane);
  await lane.mint.command('addFault', { path: '/v1/swap', kind: 'hang', when: 'after' });
  await killWhen(world, async () => (await booksOf(lane)).spent > spent);

  await world.start();

  expect(await world.refundSat()).toBe(WORTH_SAT);
  await expectEverySat(world);
});

test('killed after the answer of the mint, before it was applied: its coins are restored', async () => {
  await using world = await crashWorld(lane, usageOf);
  await crashAt(world, 'before-apply');

  await world.start();

  expect(await world.refundSat()).toBe(WORTH_SAT);
  await expectEverySat(world);
});

test('killed when the swap was applied, before the first byte: nothing was sent, nothing is charged', async () => {
  await using world = await crashWorld(lane, usageOf);
  await crashAt(world, 'after-apply');

  await world.start();

  expect(await world.refundSat()).toBe(WORTH_SAT);
  await expectEverySat(world);
});

test('killed in mid-stream: what was sent more than three seconds before is charged, and never more than was sent', async () => {
  await using world = await crashWorld(lane, usageOf);
  const router = await world.start();
  const asked = world.payer.chat(asking(world, { model: 'long' }));
  await sleep(4_500);
  const killedAtMs = Date.now();
  await router.kill();
  const { end, contentAtMs } = await asked;
  expect(end).toBe('broken');

  await world.start();

  const charged = WORTH_SAT * 1000 - (await world.balance());
  const early = contentAtMs.filter((atMs) => atMs < killedAtMs - UNMETERED_MS).length;
  const { input } = usageOf('long', PROMPT);
  expect(early).toBeGreaterThan(20);
  expect(charged).toBeGreaterThanOrEqual(chargeFor({ input, output: early }));
  // What the payer had not read when the connection broke.
  expect(charged).toBeLessThanOrEqual(chargeFor({ input, output: contentAtMs.length + 10 }));
  expect(await world.refundSat()).toBe(Math.floor(WORTH_SAT - charged / 1000));
  await expectEverySat(world);
});

test('killed after the stream, before the charge: what the lease metered is charged, once', async () => {
  await using world = await crashWorld(lane, usageOf);
  await crashAt(world, 'before-capture', { model: 'long' });

  await world.start();

  const charged = WORTH_SAT * 1000 - (await world.balance());
  expect(charged).toBeGreaterThan(0);
  expect(charged).toBeLessThanOrEqual(chargeFor(usageOf('long', PROMPT)));
  expect(await world.refundSat()).toBe(Math.floor(WORTH_SAT - charged / 1000));
  await expectEverySat(world);
});

test('killed when the change was cut, before it was delivered: the refund call delivers it', async () => {
  await using world = await crashWorld(lane, usageOf);
  await crashAt(world, 'after-gift', { scheme: 'x-cashu' });

  await world.start();

  const left = WORTH_SAT * 1000 - chargeFor(usageOf('quick', PROMPT));
  expect(await world.refundSat()).toBe(Math.floor(left / 1000));
  expect(await world.refundSat()).toBe(Math.floor(left / 1000));
  await expectEverySat(world);
});

test('killed again while it recovers a swap: the next start recovers it', async () => {
  await using world = await crashWorld(lane, usageOf);
  const { spent } = await booksOf(lane);
  await lane.mint.command('addFault', { path: '/v1/swap', kind: 'hang', when: 'after' });
  await killWhen(world, async () => (await booksOf(lane)).spent > spent);
  const recovering = await world.start('before-apply');
  await recovering.gone;
  expect(proofs(world.home)).toEqual(['before-apply']);

  await world.start();

  expect(await world.refundSat()).toBe(WORTH_SAT);
  await expectEverySat(world);
});

test('killed again while it charges what a crash left: the charge is made once', async () => {
  await using world = await crashWorld(lane, usageOf);
  await crashAt(world, 'before-capture', { model: 'long' });
  const recovering = await world.start('after-capture');
  await recovering.gone;
  expect(proofs(world.home)).toEqual(['before-capture', 'after-capture']);

  await world.start();

  const charged = WORTH_SAT * 1000 - (await world.balance());
  expect(charged).toBeGreaterThan(0);
  expect(charged).toBeLessThanOrEqual(chargeFor(usageOf('long', PROMPT)));
  expect(await world.refundSat()).toBe(Math.floor(WORTH_SAT - charged / 1000));
  await expectEverySat(world);
});
