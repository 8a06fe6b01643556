import { get_encoding } from 'tiktoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { PROMPT_CANARY } from '../support/test-log.ts';
import { startEngine } from './engine.ts';
import { INPUT_MSAT, openMarket, OUTPUT_MSAT } from './market.ts';
import type { Market } from './market.ts';
import { paidChat } from './paid-chat.ts';
import type { Paid } from './paid-chat.ts';

const installation = process.env['NUTROUTE_INTEROP_ENGINE'] ?? '';
const MODEL = 'tiny';
const PROMPT = 'Say something';
const MAX_TOKENS = 24;

/** llama.cpp's own server sends answers with a Content-Length, and streams without any usage. */
describe.skipIf(installation === '')('a real llama.cpp as upstream', () => {
  const running = new AsyncDisposableStack();
  let market: Market;
  beforeAll(async () => {
    const engine = running.use(await startEngine(installation, MODEL));
    const mint = await startMint({ autoPay: true });
    running.defer(() => mint.close());
    const options = { mintUrl: mint.url, upstreamUrl: engine.url, model: MODEL };
    market = running.use(await openMarket(options));
  });
  afterAll(async () => {
    await running.disposeAsync();
  });

  async function buy(stream: boolean): Promise<Paid> {
    const token = await market.payer.fund(1000);
    const { url } = market.router;
    return paidChat(url, token, { stream, model: MODEL, prompt: PROMPT, maxTokens: MAX_TOKENS });
  }
  async function expectBooked(paid: Paid): Promise<void> {
    const { payer } = market;
    const worth = payer.read(paid.change ?? '');

    expect(paid.costMsat).toBe(
      paid.promptTokens * INPUT_MSAT + paid.completionTokens * OUTPUT_MSAT,
    );
    expect(paid.costMsat + worth.msat + paid.balanceMsat).toBe(1_000_000);
    expect(paid.balanceMsat).toBeLessThan(1000);
    expect(await payer.receive(paid.change ?? '')).toBe(worth.msat);
  }

  test('sells a plain answer by the usage in it', async () => {
    const paid = await buy(false);

    // Its vocabulary is the bytes.
    expect(paid.promptTokens).toBeGreaterThan(PROMPT_CANARY.length + PROMPT.length);
    expect(paid.completionTokens).toBe(MAX_TOKENS);
    await expectBooked(paid);
  });

  test('sells a streamed answer by our own count of what was relayed', async () => {
    const paid = await buy(true);
    const encoding = get_encoding('o200k_base');
    const prompt = encoding.encode(`${PROMPT_CANARY}: ${PROMPT}`).length;

    expect(paid.text).not.toBe('');
    expect(paid.completionTokens).toBe(encoding.encode(paid.text, [], []).length);
    expect(paid.promptTokens).toBeGreaterThanOrEqual(prompt);
    expect(paid.promptTokens).toBeLessThan(prompt + 16);
    await expectBooked(paid);
    encoding.free();
  });

  test('leaves books that balance', async () => {
    const { checks } = await market.router.doctor();

    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain('books');
  });
});
