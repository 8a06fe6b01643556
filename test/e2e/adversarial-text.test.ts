import { afterAll, beforeAll, expect, test } from 'vitest';

import { chat, costOf } from '../support/router-chat.ts';
import type { Answer } from '../support/router-chat.ts';
import { INPUT_MSAT, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

let world: RouterWorld;

beforeAll(async () => {
  world = await routerWorld();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const MEGABYTE = 1024 * 1024;

/** Repeats `piece` until it is a megabyte of UTF-8. */
function megabyteOf(piece: string): string {
  return piece.repeat(Math.ceil(MEGABYTE / Buffer.byteLength(piece)));
}

const TEXTS: readonly (readonly [string, string])[] = [
  ['one letter', megabyteOf('a')],
  ['CJK', megabyteOf('日本語漢字')],
  ['combining marks', megabyteOf('e\u0301\u0302\u0303\u0304')],
  ['spaces', megabyteOf(' ')],
  ['line feeds', megabyteOf('\n')],
  ['emoji', megabyteOf('👩‍👩‍👧‍👦')],
  ['one digit', megabyteOf('7')],
];

test.each(TEXTS)(
  'a megabyte of %s that a small token cannot pay is counted and refused while others are served',
  async (_, content) => {
    const token = world.fund(20);
    const key = world.fund(1000);
    await chat(world.url, key, { change: 'keep' });
    const fields = { messages: [{ role: 'user', content }] };
    const answers: Answer[] = [];

    // The free bound does not fit the token, so it is counted exactly before it is refused.
    const heavy = chat(world.url, token, { fields }).then((answer) => answers.push(answer));
    const others: number[] = [];
    while (answers.length === 0 || others.length < 2) {
      others.push((await chat(world.url, key)).status);
    }
    await heavy;

    expect(answers[0]?.status).toBe(402);
    expect(others.every((status) => status === 200)).toBe(true);
    expect(await world.receive(token)).toBe(19_000);
  },
);

test('special tokens and lone surrogates in a prompt are text', async () => {
  await using own = await routerWorld();
  for (const content of ['<|endoftext|><|im_start|>', '\ud800 alone', '\u0000', '']) {
    const answer = await chat(own.url, own.fund(1000), {
      fields: { messages: [{ role: 'user', content }] },
    });
    expect(answer.status).toBe(200);
    expect(costOf(await answer.json())).toBeGreaterThan(INPUT_MSAT);
  }
});

test('a megabyte that is paid for is answered, and charged by the upstream’s count', async () => {
  await using own = await routerWorld();
  own.model.behave({
    rawUsage: '{"prompt_tokens":200000,"completion_tokens":40,"total_tokens":200040}',
  });
  const content = megabyteOf('The river is quiet this morning. ');

  const answer = await chat(own.url, own.fund(10_000), {
    fields: { messages: [{ role: 'user', content }], max_tokens: 100 },
  });

  expect(answer.status).toBe(200);
  expect(costOf(await answer.json())).toBe(200_000 * INPUT_MSAT + 40 * 50);
});
