import { setTimeout as sleep } from 'node:timers/promises';

import { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { INPUT_MSAT, openMarket, OUTPUT_MSAT } from './market.ts';
import type { Market } from './market.ts';
import { balanceOnAccount, paidChat, refund } from './paid-chat.ts';
import type { ChatOptions, Paid } from './paid-chat.ts';
import type { RealMint } from './real-mint.ts';

/** What must hold with every mint there is. Sums are exact, in msat; fees are counted at the mint, not asked of the router. */
export function mintContract(name: string, startMint: (feePpk: number) => Promise<RealMint>): void {
  describe.each([0, 100])(`${name} with an input fee of %i ppk`, (feePpk) => {
    const running = new AsyncDisposableStack();
    let mint: RealMint;
    let market: Market;
    beforeAll(async () => {
      mint = running.use(await startMint(feePpk));
      market = running.use(await openMarket({ mintUrl: mint.url }));
    });
    afterAll(async () => {
      await running.disposeAsync();
    });

    const feeMsat = (coins: number): number => Math.ceil((coins * feePpk) / 1000) * 1000;
    /** Counts what the mint takes of the router's swaps from now on. */
    function feesFromNow(): () => number {
      const { swapInputs } = market.proxy;
      const start = swapInputs.length;
      return () => swapInputs.slice(start).reduce((sum, coins) => sum + feeMsat(coins), 0);
    }
    /** Less than a unit stays; and with fees, units that cost more to make than they are worth. */
    const mayStay = feePpk === 0 ? 1000 : 3000;
    async function buy(token: string, options: ChatOptions = {}): Promise<Paid> {
      const paid = await paidChat(market.router.url, token, options);
      const usage = paid.promptTokens * INPUT_MSAT + paid.completionTokens * OUTPUT_MSAT;
      expect(paid.costMsat).toBe(usage);
      return paid;
    }

    test.each([
      { stream: false, scheme: 'bearer' },
      { stream: true, scheme: 'bearer' },
      { stream: false, scheme: 'x-cashu' },
      { stream: true, scheme: 'x-cashu' },
    ] as const)('a token buys an answer and its change is good: %o', async (options) => {
      const { payer } = market;
      const token = await payer.fund(1000);
      const fees = feesFromNow();
      const paid = await buy(token, options);
      const taken = fees();
      const change = paid.change ?? '';
      const worth = payer.read(change);

      expect(paid.text).not.toBe('');
      expect(paid.balanceMsat).toBeLessThan(1000);
      expect(paid.costMsat + taken + worth.msat + paid.balanceMsat).toBe(1_000_000);
      expect(await payer.receive(change)).toBe(worth.msat - feeMsat(worth.coins));
    });

    test('a static key: change once, then one swap to have it back, then no call at all', async () => {
      const { payer, proxy, router } = market;
      const token = await payer.fund(1000);
      const fees = feesFromNow();
      const answers: Paid[] = [];
      const calls: number[] = [];
      for (let use = 0; use < 10; use++) {
        const before = proxy.posts.length;
        answers.push(await buy(token, { stream: use % 2 === 1 }));
        calls.push(proxy.posts.length - before);
      }
      const rest = await refund(router.url, token);
      const taken = fees();
      const dust = await balanceOnAccount(router.url, token);

      expect(calls).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
      expect(answers.map(({ change }) => change !== undefined)).toEqual([
        true,
        ...Array.from({ length: 9 }, () => false),
      ]);
      expect(dust).toBeLessThan(mayStay);
      expect(costOf(answers) + taken + rest.msat + dust).toBe(1_000_000);
      expect(await payer.receive(rest.token)).toBe(rest.msat - payer.read(rest.token).feeMsat);
    });

    test('a chain of 20: the change of each answer pays the next', async () => {
      const { payer } = market;
      let token = await payer.fund(1000);
      const fees = feesFromNow();
      const answers: Paid[] = [];
      for (let link = 0; link < 20; link++) {
        const scheme = link % 2 === 0 ? 'x-cashu' : 'bearer';
        const paid = await buy(token, { scheme, stream: link % 3 === 0 });
        answers.push(paid);
        token = paid.change ?? '';
      }
      const taken = fees();
      const worth = payer.read(token);
      const dust = answers.at(-1)?.balanceMsat ?? 0;

      expect(dust).toBeLessThan(mayStay);
      expect(costOf(answers) + taken + worth.msat + dust).toBe(1_000_000);
      expect(await payer.receive(token)).toBe(worth.msat - feeMsat(worth.coins));
    });

    test.each([{}, { maxTokens: 30 }])('20 requests at once on one token: %o', async (options) => {
      const { payer, router } = market;
      const token = await payer.fund(1000);
      const fees = feesFromNow();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          buy(token, { ...options, stream: index % 2 === 0, prompt: `number ${index}` }),
        ),
      );
      const rest = await refund(router.url, token);
      const taken = fees();
      const dust = await balanceOnAccount(router.url, token);

      expect(dust).toBeLessThan(mayStay);
      expect(costOf(answers) + taken + rest.msat + dust).toBe(1_000_000);
      expect(await payer.receive(rest.token)).toBe(rest.msat - payer.read(rest.token).feeMsat);
    });

    test.each(['before', 'while', 'after'] as const)(
      'a mint that dies %s it swaps takes nothing: restarted, the same token buys',
      async (when) => {
        const { payer, proxy, router } = market;
        const token = await payer.fund(1000);
        proxy.breakNextSwap(when, () => mint.kill());
        await expect(buy(token)).rejects.toMatchObject({ status: 503 });
        await mint.start();
        mint.repair();
        const paid = await untilServed(() => buy(token));
        const change = paid.change ?? (await refund(router.url, token)).token;
        const worth = payer.read(change);

        expect(paid.costMsat + payer.read(token).feeMsat + worth.msat + paid.balanceMsat).toBe(
          1_000_000,
        );
        expect(await payer.receive(change)).toBe(worth.msat - feeMsat(worth.coins));
      },
    );

    test('a mint that is down: 503, and the token is still good elsewhere', async () => {
      const { payer, proxy } = market;
      const token = await payer.fund(1000);
      const known = await payer.fund(100);
      await mint.kill();
      await expect(buy(token)).rejects.toMatchObject({
        status: 503,
        code: 'cashu_mint_unreachable',
      });
      const swaps = proxy.swapInputs.length;
      await mint.start();
      await untilServed(() => buy(known));

      expect(proxy.swapInputs.length).toBe(swaps + 1);
      expect(await payer.receive(token)).toBe(1_000_000 - payer.read(token).feeMsat);
      await expect(buy(token)).rejects.toMatchObject({ code: 'cashu_token_already_spent' });
    });

    test('at the end the books balance, and the router stops in order', async () => {
      const { router } = market;
      const report = await router.doctor();

      expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
      expect(report.checks.map(({ name }) => name)).toContain('books');
      expect(await router.stop()).toBe(0);
      expect((await router.doctor()).ok).toBe(true);
    });
  });
}

function costOf(answers: readonly Paid[]): number {
  return answers.reduce((sum, { costMsat }) => sum + costMsat, 0);
}

const PATIENCE_MS = 60_000;

/** Asks again while the answer is 503, as SDKs do. */
async function untilServed(ask: () => Promise<Paid>): Promise<Paid> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isAway = error instanceof APIError && error.status === 503;
      if (!isAway || Date.now() > deadline) throw error;
      await sleep(500);
    }
  }
}
