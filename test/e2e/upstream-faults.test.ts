import { expect, test } from 'vitest';

import type { Oddity } from '../../src/demo/model/oddity.ts';
import { changeOf, chat, costOf, info, refund } from '../support/router-chat.ts';
import type { Answer, ChatJson } from '../support/router-chat.ts';
import { INPUT_MSAT, OUTPUT_MSAT, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

/** Of a token of 1,000 sat, after its swap. */
const WORTH = 999_000;

function textOf(chunks: readonly ChatJson[]): string {
  return chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? '').join('');
}

/** Sends a paid chat and reads it to its end; fails when cost, change and dust are not the token. */
async function ask(
  world: RouterWorld,
  stream: boolean,
): Promise<{ answer: Answer; last: ChatJson; text: string }> {
  const token = world.fund(1000);
  const answer = await chat(world.url, token, { fields: { stream } });
  expect(answer.status).toBe(200);
  const chunks = stream ? await answer.chunks() : [await answer.json()];
  const last = chunks.findLast(({ usage }) => usage?.cost !== undefined);
  if (last === undefined) throw new Error('the answer does not tell its cost');
  const change = world.faceOf(changeOf(answer, last));
  const dust = (await info(world.url, token)).balance - change;
  expect(costOf(last) + change + dust).toBe(WORTH);
  expect(dust).toBeLessThan(1_000);
  const text = stream ? textOf(chunks) : (last.choices?.[0]?.message?.content ?? '');
  return { answer, last, text };
}

/** Our own count of text differs from the upstream's by this at most. */
const COUNT_SLACK = 3;

test.each<Oddity & { stream: boolean }>([
  { stream: true, status: 500 },
  { stream: true, status: 429 },
  { stream: true, status: 401 },
  { stream: true, resetAfter: 0 },
  { stream: true, errorAfter: 0 },
  { stream: true, html: true },
  // It was asked for identity: what cannot be looked into cannot be metered.
  { stream: true, gzip: true },
  { stream: true, json: true },
  { stream: false, status: 503 },
  { stream: false, resetAfter: 0 },
  { stream: false, resetAfter: 1 },
  { stream: false, errorAfter: 0 },
  { stream: false, html: true },
  { stream: false, gzip: true },
])(
  'an upstream that fails before its first chunk is replaced: one answer, one redemption, one charge (%o)',
  async ({ stream, ...oddity }) => {
    await using world = await routerWorld({ upstreams: [{ oddity }, {}] });

    const { last, text } = await ask(world, stream);

    expect(text.length).toBeGreaterThan(20);
    expect(world.upstreams.map(({ requestCount }) => requestCount)).toEqual([1, 1]);
    expect(world.mint.callCount('/v1/swap')).toBe(1);
    // The price of the one that answered: a tenth more.
    const { prompt_tokens: input = 0, completion_tokens: output = 0 } = last.usage ?? {};
    const price = Math.ceil(input * INPUT_MSAT * 1.1 + output * OUTPUT_MSAT * 1.1 - 1e-6);
    expect(costOf(last)).toBe(price);
    expect(await world.faults()).toEqual([]);
  },
);

test('when every upstream fails nothing is charged, and an X-Cashu payer has all of it in the error', async () => {
  await using world = await routerWorld({
    upstreams: [{ oddity: { status: 500 } }, { oddity: { resetAfter: 0 } }],
  });
  const token = world.fund(1000);

  const answer = await chat(world.url, token, { scheme: 'x-cashu', fields: { stream: true } });

  expect(answer.status).toBe(502);
  const body = await answer.json();
  expect(body.error?.code).toBe('upstream_unavailable');
  expect(answer.headers['x-should-retry']).toBe('false');
  expect(world.faceOf(changeOf(answer, body))).toBe(WORTH);
});

test.each<Oddity>([{ resetAfter: 8 }, { errorAfter: 8 }])(
  'an upstream that dies in mid-stream: charged for what was sent, the error in OpenAI’s shape, change given (%o)',
  async (oddity) => {
    await using world = await routerWorld({ upstreams: [{ oddity }, {}] });
    const token = world.fund(1000);

    const answer = await chat(world.url, token, { fields: { stream: true } });
    const chunks = await answer.chunks();

    const failure = chunks.at(-1);
    expect(failure?.error).toEqual({
      message: expect.any(String) as string,
      type: 'upstream_error',
      param: null,
      code: 'upstream_broke_stream',
    });
    const paid = chunks.at(-2);
    const sent = chunks.filter(({ choices }) => (choices?.[0]?.delta?.content ?? '') !== '').length;
    expect(sent).toBe(7);
    const charge = costOf(paid);
    expect(charge).toBeGreaterThanOrEqual((sent - COUNT_SLACK) * OUTPUT_MSAT);
    expect(charge).toBeLessThanOrEqual((sent + COUNT_SLACK) * OUTPUT_MSAT + 40 * INPUT_MSAT);
    const change = changeOf(answer, paid);
    expect(Math.floor((WORTH - charge) / 1000) * 1000).toBe(world.faceOf(change));
    await world.receive(change);
    // What was begun at one upstream is not begun again at another.
    expect(world.upstreams[1]?.requestCount).toBe(0);
    expect(await world.faults()).toEqual([]);
  },
);

test.each([true, false])(
  'an upstream that tells no usage is charged by our own count (stream: %s)',
  async (stream) => {
    await using world = await routerWorld();
    const known = await ask(world, stream);
    world.model.behave({ usage: 'none' });

    const { last } = await ask(world, stream);

    const tokens = last.usage?.completion_tokens ?? 0;
    expect(Math.abs(tokens - (known.last.usage?.completion_tokens ?? 0))).toBeLessThanOrEqual(
      COUNT_SLACK,
    );
    expect(costOf(last)).toBe((last.usage?.prompt_tokens ?? 0) * INPUT_MSAT + tokens * OUTPUT_MSAT);
  },
);

test.each([
  ['impossible numbers', { usage: 'insane' }],
  [
    'more than the answer can be',
    { rawUsage: '{"prompt_tokens":10,"completion_tokens":1e15,"total_tokens":1e15}' },
  ],
  [
    'more cached than sent',
    {
      rawUsage:
        '{"prompt_tokens":10,"completion_tokens":40,"total_tokens":50,"prompt_tokens_details":{"cached_tokens":11}}',
    },
  ],
  ['texts', { rawUsage: '{"prompt_tokens":"10","completion_tokens":"40","total_tokens":"50"}' }],
  ['zeroes', { rawUsage: '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}' }],
] as const)(
  'usage that is not sane (%s) costs neither nothing nor more than is held',
  async (_, oddity) => {
    await using world = await routerWorld();
    for (const stream of [true, false]) {
      world.model.behaveNext(oddity);
      const { last } = await ask(world, stream);
      expect(costOf(last)).toBeGreaterThan(30 * OUTPUT_MSAT);
      expect(costOf(last)).toBeLessThanOrEqual(WORTH / 2);
    }
  },
);

test.each<Oddity>([
  { contentLength: true },
  { crlf: true },
  { splitBytes: true },
  { splitBytes: true, crlf: true },
  { usage: 'last-content' },
])('an odd but whole stream is answered and charged exactly (%o)', async (oddity) => {
  await using world = await routerWorld();
  const plain = await ask(world, true);
  world.model.behave(oddity);

  const odd = await ask(world, true);

  expect(odd.text).toBe(plain.text);
  expect(costOf(odd.last)).toBe(costOf(plain.last));
});

test.each<Oddity>([{ contentLength: true }, { splitBytes: true }])(
  'an answer in one piece arrives whole, with its own length (%o)',
  async (oddity) => {
    await using world = await routerWorld();
    world.model.behave(oddity);

    const { answer, text } = await ask(world, false);

    expect(text.length).toBeGreaterThan(20);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers['transfer-encoding']).toBeUndefined();
  },
);

test.each([true, false])(
  'T4: money in an upstream’s answer never reaches the payer (stream: %s)',
  async (stream) => {
    await using world = await routerWorld();
    const bait = `cashuB${'stolen'.repeat(8)}`;
    world.model.behave({ xCashu: bait });
    const token = world.fund(1000);

    const answer = await chat(world.url, token, { fields: { stream } });
    const body = await answer.text();

    expect(body).not.toContain(bait);
    expect(JSON.stringify(answer.headers)).not.toContain(bait);
    // The payer's own change is there, and it is the only one.
    const changes = body.match(/"x_cashu"/g) ?? [];
    expect(changes.length + (answer.headers['x-cashu'] === undefined ? 0 : 1)).toBe(1);
    const rest = await refund(world.url, token);
    expect(body + String(answer.headers['x-cashu'])).toContain(rest.token);
  },
);

test('an upstream that ends without a finish reason is an error to the payer, charged for what it sent', async () => {
  await using world = await routerWorld();
  world.model.behave({ noFinish: true, usage: 'none' });

  const answer = await chat(world.url, world.fund(1000), { fields: { stream: true } });
  const chunks = await answer.chunks();

  expect(chunks.at(-1)?.error?.code).toBe('upstream_broke_stream');
  expect(costOf(chunks.at(-2))).toBeGreaterThan(20 * OUTPUT_MSAT);
});

test('an upstream that never begins is given up for the next one', async () => {
  await using world = await routerWorld({
    upstreams: [{ oddity: { hangAfter: 0 } }, {}],
    provider: { timeouts: { firstByteMs: 200, answerMs: 200 } },
  });

  const { text } = await ask(world, true);

  expect(text.length).toBeGreaterThan(20);
  expect(world.upstreams[0]?.aborted).toBe(1);
});

test('an upstream that falls silent in mid-stream is given up, charged for what it sent', async () => {
  await using world = await routerWorld({ provider: { timeouts: { idleMs: 200 } } });
  world.model.behave({ hangAfter: 6 });

  const answer = await chat(world.url, world.fund(1000), { fields: { stream: true } });
  const chunks = await answer.chunks();

  expect(chunks.at(-1)?.error?.code).toBe('upstream_broke_stream');
  expect(costOf(chunks.at(-2))).toBeGreaterThan(0);
  expect(world.faceOf(changeOf(answer, chunks.at(-2)))).toBeGreaterThan(990_000);
  expect(world.model.aborted).toBe(1);
});

test('a token that affords only a short answer gets one: the limit is told, forwarded and kept', async () => {
  await using world = await routerWorld();
  const token = world.fund(5);

  const answer = await chat(world.url, token, { fields: { stream: true } });
  const chunks = await answer.chunks();

  const limit = Number(answer.headers['x-nutroute-max-tokens']);
  expect(answer.status).toBe(200);
  expect(limit).toBeGreaterThanOrEqual(16);
  expect(world.model.requests.at(-1)?.body).toMatchObject({ max_tokens: limit });
  expect(chunks.at(-1)?.usage?.completion_tokens).toBeLessThanOrEqual(limit);
  expect(costOf(chunks.at(-1))).toBeLessThanOrEqual(4_000);
  expect(await world.faults()).toEqual([]);
});

test('an upstream that ignores the limit is cut where the payment ends, and the payer owes no more than its token', async () => {
  await using world = await routerWorld();
  // Two hundred tokens of thought that no limit counts; the token affords some forty.
  world.model.behave({ answerTokens: 2_000, msPerChunk: 2, usage: 'none' });
  const token = world.fund(5);

  const answer = await chat(world.url, token, { fields: { stream: true, max_tokens: 20 } });
  const chunks = await answer.chunks();

  expect(chunks.length).toBeLessThan(40);
  expect((await info(world.url, token)).balance).toBeGreaterThanOrEqual(0);
  expect(await world.faults()).toEqual([]);
});
