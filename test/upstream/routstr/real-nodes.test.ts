import { expect, test } from 'vitest';

import { startModelServer } from '../../../src/demo/model-server.ts';
import { startLyingNode } from '../../support/lying-node.ts';
import type { Lie } from '../../support/lying-node.ts';
import { MODEL, routerWorld } from '../../support/router-world.ts';
import type { RouterWorld } from '../../support/router-world.ts';
import { startRoutstrCore } from '../../support/routstr-core/routstr-core.ts';
import { buy, buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import type { BuyingWorld } from './buying-world.ts';

const IDLE_MS = 601_000;

function ask(stream: boolean, sat = 60) {
  const messages = [{ role: 'user', content: 'Tell me something.' }];
  const include = stream ? { stream_options: { include_usage: true } } : {};
  const json = { model: MODEL, messages, max_tokens: 500, stream, ...include };
  return requestOf(sat, { body: Buffer.from(JSON.stringify(json)), stream, model: MODEL });
}

async function over(world: BuyingWorld): Promise<void> {
  world.clock.advance(IDLE_MS);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => state === 'closed' || state === 'lost'),
  );
}

test.each([
  ['balance', false],
  ['balance', true],
  ['request', false],
  ['request', true],
] as const)('nutroute sells to nutroute: %s, stream %s', async (kind, stream) => {
  await using seller = await routerWorld();
  await using buyer = await buyingWorld({ at: seller.mint });
  const upstream = buyer.upstream(seller.url, { buy: kind });
  await upstream.models();

  const texts = [await buy(buyer, upstream, ask(stream)), await buy(buyer, upstream, ask(stream))];
  await over(buyer);

  for (const text of texts) {
    expect(text).toContain('"usage"');
    expect(text).not.toMatch(/cashu|cost|msats/);
  }
  const paid = buyer.seen.filter((one) => one.kind === 'paid');
  expect(paid).toHaveLength(2);
  for (const one of paid) expect(one.chargedMsat).toBe(one.expectedMsat);
  const rows = await buyer.rows();
  expect(rows.map(({ state }) => state)).toEqual(rows.map(() => 'closed'));
  const charged = rows.reduce((sum, row) => sum + row.charged_msat, 0n);
  expect(charged).toBe(paid.reduce((sum, one) => sum + one.chargedMsat, 0n));
  expect(await buyer.faults()).toEqual([]);
  expect(await seller.faults()).toEqual([]);
});

test.each([
  ['balance', false],
  ['balance', true],
  ['request', false],
  ['request', true],
] as const)('Routstr core sells to nutroute: %s, stream %s', async (kind, stream) => {
  await using buyer = await buyingWorld({ fundSat: 4000, mint: { inputFeePpk: 100 } });
  buyer.capSat = 2000n;
  const model = await startModelServer();
  await using core = await startRoutstrCore({
    mintUrl: buyer.mint.url,
    upstreamUrl: model.url,
    model: MODEL,
    prices: { promptMsat: 5, completionMsat: 50 },
  });
  const upstream = buyer.upstream(core.url, { buy: kind });
  await upstream.models();

  const text = await buy(buyer, upstream, ask(stream));
  await Promise.all([1, 2, 3].map(() => buy(buyer, upstream, ask(stream))));
  await over(buyer);
  await model.close();

  expect(text).not.toMatch(/cashu|cost|msats|routstr/);
  const paid = buyer.seen.filter((one) => one.kind === 'paid');
  expect(paid).toHaveLength(4);
  for (const one of paid) expect(one.chargedMsat).toBe(one.expectedMsat);
  expect((await buyer.rows()).every(({ state }) => state === 'closed')).toBe(true);
  expect(buyer.seen.filter((one) => !/paid|returned/.test(one.kind))).toEqual([]);
  expect(await buyer.faults()).toEqual([]);
});

async function buyFromLiar(
  seller: RouterWorld,
  buyer: BuyingWorld,
  lie: Lie,
  kind: 'balance' | 'request',
): Promise<unknown> {
  await using liar = await startLyingNode(seller.url);
  liar.lie(lie);
  const upstream = buyer.upstream(liar.url, { buy: kind });
  await upstream.models();
  // Others answer late only where the machine is busy.
  const firstByteTimeoutMs = lie.hang === true ? 400 : 10_000;
  const outcome = await buy(buyer, upstream, { ...ask(true), firstByteTimeoutMs }).catch(
    (error: unknown) => error,
  );
  for (let round = 0; round < 12; round += 1) {
    await settled(buyer);
    buyer.clock.advance(3_600_000);
  }
  return outcome;
}

test.each(['balance', 'request'] as const)(
  'whatever a node does, the books agree and no more than the cap is lost (%s)',
  async (kind) => {
    await using seller = await routerWorld();
    const lies: Lie[] = [
      { priceFactor: 10 },
      { withhold: 'unknown' },
      { withhold: 'nothing' },
      { withhold: 'later' },
      { dieAfterBytes: 1 },
      { status: 402 },
      { status: 503 },
      { hang: true },
      { forgedChange: seller.fund(3) },
    ];
    for (const lie of lies) {
      await using buyer = await buyingWorld({ at: seller.mint });
      buyer.capSat = 200n;
      const outcome = await buyFromLiar(seller, buyer, lie, kind);

      expect(String(outcome)).not.toMatch(/cashu/);
      expect(await buyer.faults()).toEqual([]);
      const risk = buyer.purchases.riskOf('n1');
      expect(risk).toBeLessThanOrEqual(200_000n);
      const kinds = new Set(buyer.seen.map((one) => one.kind));
      if (lie.priceFactor !== undefined) expect(kinds).toContain('overcharged');
      if (lie.withhold !== undefined) expect(kinds).toContain('withheld');
      if (lie.dieAfterBytes !== undefined || lie.hang === true || lie.status === 503)
        expect(kinds).toContain('failed');
      if (lie.withhold === undefined && lie.priceFactor === undefined) expect(risk).toBe(0n);
    }
    expect(await seller.faults()).toEqual([]);
  },
  60_000,
);
