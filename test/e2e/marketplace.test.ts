import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startRelay } from '../../src/demo/relay.ts';
import { paidChat, refund } from '../interop/paid-chat.ts';
import { createPayer } from '../interop/payer.ts';
import { MARKUP, MODEL, openMarketplace, PRICES } from '../support/marketplace.ts';

let mint: DemoMint;
let world: AsyncDisposableStack;
beforeEach(async () => {
  world = new AsyncDisposableStack();
  mint = await startMint({ inputFeePpk: 100, autoPay: true });
  world.defer(() => mint.close());
});
afterEach(() => world.disposeAsync());

describe.each(['balance', 'request'] as const)('a router that buys by %s', (buy) => {
  test('finds two nodes on a relay, sells their model, and every book balances', async () => {
    const relay = await startRelay();
    world.defer(() => relay.close());
    const capital = mint.faucet(2_000);
    const market = world.use(
      await openMarketplace({ mintUrl: mint.url, relayUrl: relay.url, capital, buy }),
    );
    await market.offered(2);
    const payer = await createPayer(mint.url);

    const token = await payer.fund(500);
    const paid = await paidChat(market.router.url, token, {
      stream: true,
      model: MODEL,
      maxTokens: 200,
    });

    const cheap = PRICES[0];
    const cost = paid.promptTokens * cheap.input + paid.completionTokens * cheap.output;
    expect(paid.text).not.toBe('');
    expect(paid.costMsat).toBeGreaterThanOrEqual(cost * MARKUP);
    expect(market.nodes[0].model.requestCount).toBe(1);
    expect(market.nodes[1].model.requestCount).toBe(0);
    const change = paid.change ?? (await refund(market.router.url, token)).token;
    expect(await payer.receive(change)).toBeGreaterThan(0);
    for (const node of [market.router, ...market.nodes.map(({ process }) => process)]) {
      expect(await node.doctor()).toMatchObject({ ok: true });
    }
  });
});
