import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import { call, changeOf, chat, credential, refund } from '../support/router-chat.ts';
import { API_KEY, leaksIn, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';
import { PROMPT_CANARY } from '../support/test-log.ts';

/** Everything of a token that nobody else may read: itself, and its coins' secrets and signatures in every spelling. */
function secretsOf(world: RouterWorld, token: string): readonly string[] {
  const coins = world
    .coinsOf(token)
    .flatMap(({ secret, C }) => [
      secret,
      C,
      C.toUpperCase(),
      Buffer.from(C, 'hex').toString('base64'),
      Buffer.from(secret).toString('base64'),
    ]);
  return [token, token.slice(0, 80), ...coins];
}

test('the search finds a planted leak, known or by its form', async () => {
  await using world = await routerWorld();
  const token = world.mint.faucet(100);
  const [coin] = world.coinsOf(token);
  const plant = (text: unknown): string =>
    `${world.log}{"level":10,"msg":"${String(text)} was swapped"}\n`;

  expect(leaksIn(plant(coin?.secret), [])).toEqual([coin?.secret]);
  expect(leaksIn(plant(coin?.C), [])).toEqual([coin?.C]);
  expect(leaksIn(plant(token), [])).toEqual([token]);
  expect(leaksIn(plant(PROMPT_CANARY), [PROMPT_CANARY])).toEqual([PROMPT_CANARY]);
  expect(leaksIn(world.log, secretsOf(world, token))).toEqual([]);
});

test('at trace level no log line tells a token, a coin, a key or a prompt, whatever goes wrong', async () => {
  await using world = await routerWorld();
  const tokens: string[] = [];
  const fund = (sat: number): string => {
    const token = world.fund(sat);
    tokens.push(token);
    return token;
  };

  // A good day.
  const good = fund(1000);
  const answer = await chat(world.url, good, { fields: { stream: true } });
  tokens.push(changeOf(answer, (await answer.chunks()).at(-1)));
  await chat(world.url, good);
  await refund(world.url, good);
  // A mint that echoes what it was sent.
  const echoed = fund(1000);
  const detail = `Proof ${world.coinsOf(echoed)[0]?.secret} ${echoed} is bad`;
  world.mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code: 10_003, detail });
  await chat(world.url, echoed);
  const unknown = fund(1000);
  world.mint.addFault({ path: '/v1/*', kind: 'refuse', status: 500, detail, times: 3 });
  await chat(world.url, unknown);
  world.mint.clearFaults();
  // An upstream that echoes, fails, breaks off.
  for (const oddity of [
    { status: 400 },
    { status: 500 },
    { resetAfter: 4 },
    { errorAfter: 4 },
    { html: true },
  ]) {
    world.model.behaveNext(oddity);
    await (await chat(world.url, fund(1000), { fields: { stream: true } })).text();
  }
  // Requests that nobody can read, with secrets where none belong.
  await chat(world.url, fund(1000), { rawBody: `{"${PROMPT_CANARY}": ` });
  await chat(world.url, fund(1000), { fields: { model: PROMPT_CANARY } });
  await chat(world.url, fund(1000).slice(0, 300));
  await call(`${world.url}/v1/${PROMPT_CANARY}?key=${fund(100)}`, { headers: credential(good) });
  await chat(world.url, fund(100), { headers: { 'x-filler': 'x'.repeat(70_000) } });
  await world.restart();

  expect(world.log).toContain('"answered"');
  expect(world.log.split('\n').length).toBeGreaterThan(10);
  const secrets = [PROMPT_CANARY, API_KEY, ...tokens.flatMap((token) => secretsOf(world, token))];
  expect(leaksIn(world.log, secrets)).toEqual([]);
});
