import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { chat, refund } from '../support/router-chat.ts';
import { CAP_SAT, CAPITAL_SAT, twoHops } from '../support/two-hops.ts';
import type { TwoHops } from '../support/two-hops.ts';

const MAX_SIPS = 60;
/** After what is free at a mint has changed. */
const PRICED_ANEW_MS = 2_500;
const ONLY_NODE = { max_tokens: 200, provider: { only: ['b'] } };

/** What the router has of its own, msat. */
async function ownMsat(world: TwoHops): Promise<bigint> {
  const { coinsSat, owedMsat } = await world.books();
  return coinsSat * 1000n - owedMsat;
}

/** Asks for a stream and leaves when its first chunk has come. */
async function sip(world: TwoHops): Promise<void> {
  const token = world.mint.faucet(64);
  const answer = await chat(world.url, token, { fields: { ...ONLY_NODE, stream: true } });
  if (answer.status === 200) await answer.next();
  answer.leave();
}

test.each([
  { node: 'nutroute', buy: 'balance', discovery: true },
  { node: 'nutroute', buy: 'request', discovery: true },
  { node: 'nutroute', buy: 'balance', discovery: false },
  { node: 'core', buy: 'balance', discovery: true },
  { node: 'core', buy: 'request', discovery: true },
  { node: 'core', buy: 'request', discovery: false },
] as const)(
  'P11: payers leave after a chunk, and their node, though it is configured, keeps what was prepaid: it is left, and no more than the cap is at risk ($node, $buy, discovery $discovery)',
  async (route) => {
    await using world = await twoHops(route);
    world.liar.lie({ withhold: 'nothing', empty: true });
    world.model.behave({ msPerChunk: 30 });

    for (let sips = 0; sips < MAX_SIPS && world.standing().level !== 'blocked'; sips += 1) {
      await sip(world);
      await world.passTime(5_000);
    }
    const { chats } = world.liar;
    for (let sips = 0; sips < 5; sips += 1) await sip(world);
    expect(world.liar.chats).toBe(chats);
    await world.passTime(700_000, 8);

    expect(world.standing()).toMatchObject({ level: 'blocked', capSat: 0 });
    expect(world.mostAtRisk).toBeLessThanOrEqual(BigInt(CAP_SAT) * 1000n);
    // What it charged for answers that nobody can count is not at risk any more: it is gone, and why the node is left.
    expect(await ownMsat(world)).toBeGreaterThanOrEqual(BigInt(CAPITAL_SAT - 2 * CAP_SAT) * 1000n);
    expect(await world.faults()).toEqual([]);
  },
);

test.each(['balance', 'request'] as const)(
  'payers that leave an honest node after a chunk cost it nothing of its standing (%s)',
  async (buy) => {
    await using world = await twoHops({ node: 'nutroute', buy });
    world.model.behave({ msPerChunk: 30 });

    for (let sips = 0; sips < 12; sips += 1) await sip(world);
    await world.callBack();

    const sum = (kind: 'covered' | 'unchecked'): bigint =>
      world.observed.reduce((all, seen) => all + (seen.kind === kind ? seen.msat : 0n), 0n);
    expect(sum('covered')).toBeGreaterThan(0n);
    // What the node had made when it heard of it is paid, and was not relayed.
    expect(sum('unchecked') - sum('covered')).toBeLessThan(10_000n);
    expect(world.standing().level).not.toBe('blocked');
  },
);

test.each(['balance', 'request'] as const)(
  'S3, S13: a router without capital of its own buys nothing, however much its payers have with it (%s)',
  async (buy) => {
    await using world = await twoHops({ node: 'nutroute', buy, capitalSat: 0 });
    const token = world.mint.faucet(10_000);
    const rich = await chat(world.url, token, { change: 'keep', fields: { max_tokens: 100 } });
    expect(rich.headers['x-nutroute-provider']).toBe('other');
    const before = (await world.books()).owedMsat;

    const answer = await chat(world.url, token, { change: 'keep', fields: ONLY_NODE });

    expect(answer.status).toBe(503);
    expect(world.liar.chats).toBe(0);
    expect((await world.totals()).deposited).toBe(0n);
    expect((await world.books()).owedMsat).toBe(before);
    expect((await refund(world.url, token)).status).toBe(200);
  },
);

test.each(['balance', 'request'] as const)(
  'S13: what mints take for buying, and lost dust, is in the price: who sells on without a markup does not lose by it (%s)',
  async (buy) => {
    await using world = await twoHops({ node: 'nutroute', buy, markup: 1 });
    const askSome = async (): Promise<void> => {
      for (let asks = 0; asks < 8; asks += 1)
        expect((await world.payer.ask({ stream: asks % 2 === 0, only: 'b' })).faults).toEqual([]);
      await world.callBack();
    };
    // What a balance costs is a guess until the first has come back.
    await askSome();
    await sleep(PRICED_ANEW_MS);
    const before = await ownMsat(world);

    await askSome();

    expect(world.liar.chats).toBe(16);
    expect(await ownMsat(world)).toBeGreaterThanOrEqual(before);
  },
);
