import { setTimeout as sleep } from 'node:timers/promises';

import { getEncodedToken } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { checkBooks } from '../../src/treasury/books.ts';
import { cashuWorld, credentialsFor, pay, payerWallet, receive } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';

const PAID_SAT = 100;
const CHARGE_MSAT = 1_300n;

const ACTIONS = ['key', 'keep', 'header', 'change', 'refund', 'elsewhere', 'half'] as const;
type Action = (typeof ACTIONS)[number];

interface Step {
  readonly action: Action;
  readonly afterMs: number;
}

/** What one payer has seen of its money. */
interface Purse {
  readonly key: string;
  /** Its own: what an address may cause in a minute is limited. */
  readonly address: string;
  /** Every token it was ever given, also copies of one. */
  readonly tokens: Set<string>;
  /** Sat that its own wallet took in. */
  received: bigint;
  chargedMsat: bigint;
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom(...ACTIONS),
  afterMs: fc.integer({ min: 0, max: 25 }),
});
const race = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 7 }),
  swapMs: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 4 }),
  lostAnswers: fc.integer({ min: 0, max: 2 }),
});

async function request(world: CashuWorld, purse: Purse, token: string, options: object) {
  const settled = await pay(world, token, CHARGE_MSAT, { ...options, address: purse.address });
  purse.chargedMsat += settled.charge;
  if (settled.change !== undefined) purse.tokens.add(settled.change.token);
}

async function refund(world: CashuWorld, purse: Purse, token: string): Promise<void> {
  const { body } = await world.rail.api.refund(credentialsFor(token, { address: purse.address }));
  purse.tokens.add(String(body['token']));
}

async function act(world: CashuWorld, purse: Purse, action: Action): Promise<void> {
  const change = [...purse.tokens].at(-1) ?? purse.key;
  switch (action) {
    case 'key':
      return request(world, purse, purse.key, {});
    case 'keep':
      return request(world, purse, purse.key, { change: 'keep' });
    case 'header':
      return request(world, purse, purse.key, { scheme: 'x-cashu' });
    case 'change':
      return request(world, purse, change, { scheme: 'x-cashu' });
    case 'refund':
      return refund(world, purse, purse.key);
    case 'elsewhere':
      purse.received += await receive(world.mint, change);
      return undefined;
    case 'half':
      purse.received += await receive(world.mint, await halfOf(world, change));
      return undefined;
  }
}

async function coinsOf(world: CashuWorld, token: string): Promise<readonly Proof[]> {
  return (await payerWallet(world.mint)).decodeToken(token).proofs;
}

async function halfOf(world: CashuWorld, token: string): Promise<string> {
  const proofs = await coinsOf(world, token);
  return tokenOf(world, proofs.slice(0, Math.ceil(proofs.length / 2)));
}

function tokenOf(world: CashuWorld, proofs: readonly Proof[]): string {
  return getEncodedToken({ mint: world.mint.url, unit: 'sat', proofs: [...proofs] });
}

/** The payer gathers all it can get hold of, each coin once. */
async function gather(world: CashuWorld, purse: Purse): Promise<void> {
  for (const token of [purse.key, ...purse.tokens])
    await refund(world, purse, token).catch(() => undefined);
  const coins = new Map<string, Proof>();
  for (const token of [purse.key, ...purse.tokens])
    for (const coin of await coinsOf(world, token)) coins.set(coin.secret, coin);
  const wallet = await payerWallet(world.mint);
  const all = [...coins.values()];
  const states = await wallet.checkProofsStates(all);
  const unspent = all.filter((_, index) => states[index]?.state === 'UNSPENT');
  if (unspent.length > 0) purse.received += await receive(world.mint, tokenOf(world, unspent));
}

async function owed(world: CashuWorld): Promise<bigint> {
  return (await world.store.read(checkBooks)).owedMsat;
}

test('S5: whatever races for a token and its change, what was paid is charged, with its payer, or owed to it as dust', async () => {
  await using world = await cashuWorld();
  let round = 0;
  await fc.assert(
    fc.asyncProperty(race, async ({ steps, swapMs, lostAnswers }) => {
      const owedBefore = await owed(world);
      const key = world.mint.faucet(PAID_SAT);
      round += 1;
      const address = `10.0.${round >> 8}.${round & 255}`;
      const purse: Purse = { key, address, tokens: new Set(), received: 0n, chargedMsat: 0n };
      for (const ms of swapMs) world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms });
      // The wallet of the payer does not look for answers that were lost to itself.
      const isOwnWallet = steps.some(({ action }) => action === 'elsewhere' || action === 'half');
      if (lostAnswers > 0 && !isOwnWallet)
        world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after', times: lostAnswers });

      await Promise.allSettled(
        steps.map(async ({ action, afterMs }) => {
          await sleep(afterMs);
          await act(world, purse, action);
        }),
      );
      world.mint.clearFaults();
      await gather(world, purse);

      expect(await world.faults()).toEqual([]);
      const dust = (await owed(world)) - owedBefore;
      expect(purse.chargedMsat + purse.received * 1000n + dust).toBe(BigInt(PAID_SAT) * 1000n);
      expect(dust).toBeLessThan(3_000n);
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
