import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import type { Oddity } from '../../src/demo/model/oddity.ts';
import { chat, info, refund, until } from '../support/router-chat.ts';
import { INPUT_MSAT, OUTPUT_MSAT, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

/** Of the token of 1,000 sat, after its swap. */
const WORTH = 999_000;

/** What the account was charged once nothing of it is held any more. */
async function chargeOf(world: RouterWorld, token: string): Promise<number> {
  await until('it is settled', async () => {
    const { reserved, state } = await info(world.url, token);
    return state !== 'redeeming' && reserved === 0;
  });
  return WORTH - (await info(world.url, token)).balance;
}

/** The rest is there, as real money: whole units, the mint's fee of making it fit at most. */
async function expectRest(world: RouterWorld, token: string, charge: number): Promise<void> {
  const { status, token: rest } = await refund(world.url, token);
  expect(status).toBe(200);
  const owed = Math.floor((WORTH - charge) / 1000) * 1000;
  expect(world.faceOf(rest)).toBeLessThanOrEqual(owed);
  expect(world.faceOf(rest)).toBeGreaterThanOrEqual(owed - 2_000);
  await world.receive(rest);
  expect(await world.faults()).toEqual([]);
}

test.each([
  ['before a stream begins', true, 0],
  ['before an answer in one piece begins', false, 0],
  ['while an answer in one piece comes in', false, 1],
] as const)(
  'a payer that leaves %s pays the input, which the upstream has, and no more',
  async (_, stream, chunks) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    world.model.hold(chunks);
    const leaving = new AbortController();

    const answer = chat(world.url, token, { fields: { stream }, signal: leaving.signal });
    answer.catch(() => undefined);
    await until(
      'the upstream is there',
      () => world.model.requests[0]?.chunksSent === chunks && world.model.requestCount === 1,
    );
    leaving.abort();

    await expect(answer).rejects.toThrow('aborted');
    await until('the upstream is left', () => world.model.aborted === 1);
    const charge = await chargeOf(world, token);
    expect(charge).toBeGreaterThan(0);
    expect(charge).toBeLessThan(40 * INPUT_MSAT);
    await expectRest(world, token, charge);
  },
);

test('a payer that leaves after some chunks pays the input and what it was sent', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  // The first chunk is the role, the others carry a token each.
  world.model.hold(6);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < 6; chunk++) await answer.next();
  answer.leave();

  await until('the upstream is left', () => world.model.aborted === 1);
  expect(world.model.requests.at(-1)).toMatchObject({ outcome: 'aborted', chunksSent: 6 });
  const charge = await chargeOf(world, token);
  // Five tokens were sent; their text alone may count as one more or less.
  expect(charge).toBeGreaterThanOrEqual(4 * OUTPUT_MSAT);
  expect(charge).toBeLessThanOrEqual(6 * OUTPUT_MSAT + 40 * INPUT_MSAT);
  await expectRest(world, token, charge);
});

test('a payer that leaves in the thinking of a model pays for the thoughts it was sent', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  world.model.behave({ reasoning: 50 });
  world.model.hold(21);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < 21; chunk++) await answer.next();
  answer.leave();

  await until('the upstream is left', () => world.model.aborted === 1);
  const charge = await chargeOf(world, token);
  expect(charge).toBeGreaterThanOrEqual(15 * OUTPUT_MSAT);
  expect(charge).toBeLessThanOrEqual(25 * OUTPUT_MSAT + 40 * INPUT_MSAT);
});

test('a payer that leaves after the finish reason pays the full answer: the usage is waited for', async () => {
  await using world = await routerWorld();
  const full = await chat(world.url, world.fund(1000), { fields: { stream: true } });
  const last = (await full.chunks()).at(-1);
  // All but the usage chunk and [DONE].
  const chunks = (world.model.requests.at(-1)?.chunksSent ?? 0) - 2;
  const token = world.fund(1000);
  world.model.hold(chunks);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < chunks; chunk++) await answer.next();
  answer.leave();
  // Long enough for the router to see it, and far below the time that it waits for the usage.
  await sleep(100);
  world.model.release();

  await until('the upstream was read to its end', () => world.model.requests.length === 2);
  const charge = await chargeOf(world, token);
  expect(world.model.aborted).toBe(0);
  expect(charge).toBe(last?.usage?.cost.total_msats);
  await expectRest(world, token, charge);
});

test('a payer that leaves after the finish reason of an upstream that stays silent still pays the answer', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  const full = await chat(world.url, world.fund(1000), { fields: { stream: true } });
  const completion = (await full.chunks()).at(-1)?.usage?.completion_tokens ?? 0;
  const chunks = (world.model.requests.at(-1)?.chunksSent ?? 0) - 2;
  world.model.hold(chunks);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < chunks; chunk++) await answer.next();
  answer.leave();

  const charge = await chargeOf(world, token);
  expect(world.model.aborted).toBe(1);
  expect(charge).toBeGreaterThanOrEqual((completion - 2) * OUTPUT_MSAT);
});

test('a provider that bills in full is drained when the payer leaves, and the payer pays the full answer', async () => {
  await using world = await routerWorld({ provider: { onPayerGone: 'drain' } });
  const full = await chat(world.url, world.fund(1000), { fields: { stream: true } });
  const cost = (await full.chunks()).at(-1)?.usage?.cost.total_msats;
  const token = world.fund(1000);
  world.model.hold(4);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < 4; chunk++) await answer.next();
  answer.leave();
  world.model.release();

  const charge = await chargeOf(world, token);
  expect(world.model.aborted).toBe(0);
  expect(charge).toBe(cost);
  await expectRest(world, token, charge);
});

test('while a request runs its refund is not yet there: 425', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  world.model.hold(2);
  const answer = await chat(world.url, token, { fields: { stream: true } });
  await answer.next();

  const early = await refund(world.url, token);
  world.model.release();
  await answer.chunks();
  const late = await refund(world.url, token);

  expect([early.status, early.code]).toEqual([425, 'refund_pending']);
  expect(late.status).toBe(200);
});

test.each<Oddity>([{ hangAfter: 0 }, { hangAfter: 3 }])(
  'a payer that gives up on a silent upstream is settled at once (%o)',
  async (oddity) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    world.model.behaveNext(oddity);
    const leaving = new AbortController();

    const answer = chat(world.url, token, {
      scheme: 'x-cashu',
      fields: { stream: true },
      signal: leaving.signal,
    });
    answer.then((got) => void got.text().catch(() => undefined)).catch(() => undefined);
    await until('the upstream has it', () => world.model.requestCount === 1);
    if (oddity.hangAfter !== 0) await answer;
    leaving.abort();

    await until('the upstream is left', () => world.model.aborted === 1);
    const charge = await chargeOf(world, token);
    expect(charge).toBeLessThan(10 * OUTPUT_MSAT);
    await expectRest(world, token, charge);
  },
);
