import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { PROMPT_CANARY } from '../support/test-log.ts';
import { openMarket } from './market.ts';
import type { Market } from './market.ts';
import { pythonIn } from './recipes.ts';

const installation = process.env['NUTROUTE_INTEROP_OPENAI_PYTHON'] ?? '';
const script = fileURLToPath(new URL('openai_python.py', import.meta.url));

interface Answer {
  readonly text: string;
  readonly cost_msat: number;
  readonly balance_msat: number;
  readonly change: string;
}

interface Outcome {
  readonly plain: Answer;
  readonly stream: Answer;
  readonly wrong_model: object;
  readonly spent: object;
  readonly garbage: object;
}

describe.skipIf(installation === '')("OpenAI's own Python SDK", () => {
  const running = new AsyncDisposableStack();
  let market: Market;
  let wrongModelToken: string;
  let outcome: Outcome;
  beforeAll(async () => {
    const mint = await startMint({ autoPay: true, inputFeePpk: 100 });
    running.defer(() => mint.close());
    market = running.use(await openMarket({ mintUrl: mint.url }));
    const { payer } = market;
    wrongModelToken = await payer.fund(100);
    const spent = await payer.fund(100);
    await payer.receive(spent);
    outcome = await runScript({
      base_url: `${market.router.url}/v1`,
      model: 'demo-model',
      prompt: `${PROMPT_CANARY}: hi`,
      tokens: {
        plain: await payer.fund(1000),
        stream: await payer.fund(1000),
        wrong_model: wrongModelToken,
        spent,
        garbage: 'cashuBgarbage',
      },
    });
  });
  afterAll(async () => {
    await running.disposeAsync();
  });

  test.each(['plain', 'stream'] as const)('buys a %s answer and gets its change', async (way) => {
    const { payer } = market;
    const { text, cost_msat: costMsat, balance_msat: balanceMsat, change } = outcome[way];
    const worth = payer.read(change);
    // The token of 1,000 sat is six coins at 100 ppk.
    const feeMsat = 1000;

    expect(text).not.toBe('');
    expect(costMsat + feeMsat + worth.msat + balanceMsat).toBe(1_000_000);
    expect(await payer.receive(change)).toBe(worth.msat - worth.feeMsat);
  });

  test('raises NotFoundError for a wrong model, and nothing is taken', async () => {
    const { payer } = market;

    expect(outcome.wrong_model).toEqual({
      error: 'NotFoundError',
      status: 404,
      code: 'model_not_found',
    });
    expect(await payer.receive(wrongModelToken)).toBe(
      100_000 - payer.read(wrongModelToken).feeMsat,
    );
  });

  test('raises BadRequestError for a token that is spent or no token', () => {
    expect(outcome.spent).toEqual({
      error: 'BadRequestError',
      status: 400,
      code: 'cashu_token_already_spent',
    });
    expect(outcome.garbage).toEqual({
      error: 'BadRequestError',
      status: 400,
      code: 'cashu_token_invalid',
    });
  });
});

async function runScript(order: object): Promise<Outcome> {
  const child = spawn(pythonIn(installation), [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(order));
  return JSON.parse(await text(child.stdout)) as Outcome;
}
