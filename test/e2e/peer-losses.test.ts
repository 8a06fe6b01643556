import { expect, test } from 'vitest';

import { changeOf, chat, costOf, info, refund, until } from '../support/router-chat.ts';
import type { ChatJson } from '../support/router-chat.ts';
import { OUTPUT_MSAT, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

// Losses that were provoked in another node of the network, one test each. B2 is in hostile-tokens, B7 and B8 are in bad-input, B10 is
// in mint-away, B15 in payer-leaves; B11 to B13 (kill -9) belong to the crash tests.

const WORTH = 999_000;

/** What the token's worth became: charge, change and dust are all of it. */
async function expectBalanced(
  world: RouterWorld,
  token: string,
  sheet: { readonly charge: number; readonly change: string },
): Promise<void> {
  const face = world.faceOf(sheet.change);
  const dust = (await info(world.url, token)).balance - face;
  expect(sheet.charge + face + dust).toBe(WORTH);
  expect(dust).toBeLessThan(1_000);
  expect(await world.receive(sheet.change)).toBe(face - world.feeOf(sheet.change));
  expect(await world.faults()).toEqual([]);
}

test('B1: an upstream’s Content-Length does not cut our longer answer', async () => {
  await using world = await routerWorld();
  world.model.behave({ contentLength: true });
  const token = world.fund(1000);

  const answer = await chat(world.url, token, { scheme: 'x-cashu' });
  const text = await answer.text();
  const body = JSON.parse(text) as ChatJson;

  expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(text));
  expect(body.choices?.[0]?.message?.content?.length).toBeGreaterThan(20);
  await expectBalanced(world, token, { charge: costOf(body), change: changeOf(answer, body) });
});

test.each([true, false])(
  'B3: an upstream that closes the connection after the redemption costs nothing (stream: %s)',
  async (stream) => {
    await using world = await routerWorld();
    world.model.behave({ resetAfter: 0 });
    const token = world.fund(1000);

    const answer = await chat(world.url, token, { scheme: 'x-cashu', fields: { stream } });
    const change = changeOf(answer, undefined);
    const again = await refund(world.url, token, 'x-cashu');

    expect(answer.status).toBe(502);
    expect(again).toMatchObject({ status: 200, token: change });
    await expectBalanced(world, token, { charge: 0, change });
  },
);

test.each(['x-cashu', 'bearer'] as const)(
  'B4: an upstream that dies in mid-stream: what was sent is charged, the rest is change, the client is told (%s)',
  async (scheme) => {
    await using world = await routerWorld();
    world.model.behave({ resetAfter: 10 });
    const token = world.fund(1000);

    const answer = await chat(world.url, token, { scheme, fields: { stream: true } });
    const chunks = await answer.chunks();
    const paid = chunks.at(-2);

    expect(chunks.length).toBe(12);
    expect(chunks.at(-1)?.error?.code).toBe('upstream_broke_stream');
    expect(costOf(paid)).toBeGreaterThan(5 * OUTPUT_MSAT);
    expect(costOf(paid)).toBeLessThan(15 * OUTPUT_MSAT);
    expect((await info(world.url, token)).reserved).toBe(0);
    await expectBalanced(world, token, { charge: costOf(paid), change: changeOf(answer, paid) });
  },
);

test.each(['x-cashu', 'bearer'] as const)(
  'B5: a stream without usage is neither free nor the whole token (%s)',
  async (scheme) => {
    await using world = await routerWorld();
    world.model.behave({ usage: 'none' });
    const token = world.fund(1000);

    const answer = await chat(world.url, token, { scheme, fields: { stream: true } });
    const last = (await answer.chunks()).at(-1);

    expect(costOf(last)).toBeGreaterThan(30 * OUTPUT_MSAT);
    expect(costOf(last)).toBeLessThan(80 * OUTPUT_MSAT);
    await expectBalanced(world, token, { charge: costOf(last), change: changeOf(answer, last) });
  },
);

test.each([true, false])(
  'B6: an answer whose text looks like the wire is relayed and charged as text (stream: %s)',
  async (stream) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    const trap =
      'data: {"error":{"message":"x"}}\n\ndata: [DONE]\n\n"x_cashu":"cashuBfalse","usage":{"prompt_tokens":0}';
    const tool = {
      type: 'function',
      function: {
        name: 'say',
        parameters: { properties: { words: { type: 'string', enum: [trap] } } },
      },
    };

    const answer = await chat(world.url, token, {
      scheme: 'x-cashu',
      fields: { stream, tools: [tool], tool_choice: 'required' },
    });
    const chunks = stream ? await answer.chunks() : [await answer.json()];
    const last = chunks.at(-1);

    expect(argumentsOf(chunks)).toBe(JSON.stringify({ words: trap }));
    expect(chunks.every(({ error }) => error === undefined)).toBe(true);
    await expectBalanced(world, token, { charge: costOf(last), change: changeOf(answer, last) });
  },
);

test.each([true, false])(
  'B9: change needs no mint: it leaves while the mint is down, and is good when it is back (stream: %s)',
  async (stream) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    world.model.hold(0);
    const sent = chat(world.url, token, { scheme: 'x-cashu', fields: { stream } });
    await until('the upstream has it', () => world.model.requestCount === 1);
    world.mint.addFault({ path: '/v1/*', kind: 'refuse', status: 500, times: 1_000 });

    world.model.release();
    const answer = await sent;
    const last = stream ? (await answer.chunks()).at(-1) : await answer.json();
    const change = changeOf(answer, last);
    world.mint.clearFaults();

    expect(world.faceOf(change)).toBeGreaterThan(990_000);
    await expectBalanced(world, token, { charge: costOf(last), change });
  },
);

test('B14: ten requests at once on a small key never spend more than it holds; a negative max_tokens is refused', async () => {
  await using world = await routerWorld();
  const token = world.fund(8);

  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      chat(world.url, token, {
        change: 'keep',
        fields: index < 5 ? { max_tokens: -1 } : { max_tokens: 40 },
      }),
    ),
  );

  const bodies = await Promise.all(answers.map((answer) => answer.json()));
  expect(answers.slice(0, 5).map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  const served = bodies.filter(({ error }) => error === undefined);
  const charged = served.reduce((sum, body) => sum + costOf(body), 0);
  expect(served.length).toBeGreaterThan(0);
  expect(charged + (await info(world.url, token)).balance).toBe(7_000);
  expect(await world.faults()).toEqual([]);
});

test('B16: sixty-four payers at once are all served, and every sat is accounted for', async () => {
  await using world = await routerWorld();
  const tokens = Array.from({ length: 64 }, () => world.fund(32, [32]));

  const answers = await Promise.all(
    tokens.map((token) => chat(world.url, token, { fields: { max_tokens: 20 } })),
  );

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  let out = 0;
  let charged = 0;
  for (const answer of answers) {
    const body = await answer.json();
    charged += costOf(body);
    out += world.faceOf(changeOf(answer, body));
  }
  const dust = await Promise.all(
    tokens.map(async (token) => (await info(world.url, token)).balance),
  );
  const left = dust.reduce((sum, balance) => sum + balance, 0) - out;
  expect(charged + out + left + world.mint.books().fees * 1000).toBe(64 * 32_000);
  expect(await world.faults()).toEqual([]);
});

/** The tool arguments of an answer in one piece or in chunks. */
function argumentsOf(chunks: readonly ChatJson[]): string {
  interface Calls {
    readonly tool_calls?: readonly { readonly function: { readonly arguments?: string } }[];
  }
  return chunks
    .map(({ choices }) => (choices?.[0]?.delta ?? choices?.[0]?.message) as Calls | undefined)
    .map((part) => part?.tool_calls?.[0]?.function.arguments ?? '')
    .join('');
}
