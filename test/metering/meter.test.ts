import * as fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { afterAll, expect, test } from 'vitest';

import type { MeterOptions } from '../../src/metering/meter.ts';
import { createMeter } from '../../src/metering/meter.ts';

const encoding = get_encoding('o200k_base');
const tokensOf = (text: string): number => encoding.encode_ordinary(text).length;

afterAll(() => encoding.free());

/** A meter with a real tokenizer, which tells what was counted. */
function setUp(given: Partial<MeterOptions> = {}) {
  const seen = { texts: [] as string[], inputCounts: 0 };
  const meter = createMeter({
    countInput: () => {
      seen.inputCounts += 1;
      return Promise.resolve(77);
    },
    count: (texts) => {
      seen.texts.push(...texts);
      return Promise.resolve(texts.reduce((sum, text) => sum + tokensOf(text), 0));
    },
    images: 2,
    ...given,
  });
  return { meter, seen };
}

const reportOf = (input: number, output: number) => ({
  prompt_tokens: input,
  completion_tokens: output,
});

test('an answer that nobody began used its prompt', async () => {
  const { meter } = setUp();

  expect(await meter.usage()).toEqual({
    input: 77,
    cachedInput: 0,
    output: 0,
    reasoning: 0,
    images: 2,
  });
  expect(meter.outputAtMost()).toBe(0);
});

test('the usage of the upstream counts, and nothing is counted by us', async () => {
  const { meter, seen } = setUp();

  meter.relayed(0, 'content', 'some text');
  meter.reported(null);
  meter.reported({
    ...reportOf(10, 5),
    prompt_tokens_details: { cached_tokens: 4 },
    completion_tokens_details: { reasoning_tokens: 3 },
  });

  expect(await meter.usage()).toEqual({
    input: 10,
    cachedInput: 4,
    output: 5,
    reasoning: 3,
    images: 2,
  });
  expect(seen).toEqual({ texts: [], inputCounts: 0 });
});

test('without usage everything that was relayed is counted: content, reasoning, refusal and tool calls of all choices', async () => {
  const { meter } = setUp();
  const texts = [
    'Let me think about this. ',
    'The answer is forty-two.',
    'I cannot help.',
    'get_weather',
    '{"city":"Lyon"}',
  ];

  meter.relayed(0, 'reasoning', texts[0] ?? '');
  meter.relayed(0, 'content', texts[1] ?? '');
  meter.relayed(1, 'refusal', texts[2] ?? '');
  meter.relayed(2, 'tool', texts[3] ?? '');
  meter.relayed(2, 'tool', texts[4] ?? '');

  const [thought = '', content = '', refusal = '', name = '', args = ''] = texts;
  expect(await meter.usage()).toEqual({
    input: 77,
    cachedInput: 0,
    output: tokensOf(thought) + tokensOf(content) + tokensOf(refusal) + tokensOf(name + args),
    reasoning: tokensOf(thought),
    images: 2,
  });
});

test('an abort inside the reasoning is not free', async () => {
  const { meter } = setUp();

  meter.relayed(0, 'reasoning', 'Hmm');

  expect(await meter.usage()).toMatchObject({ output: 1, reasoning: 1 });
  expect(await meter.output()).toBe(1);
});

test.each([
  ['negative', { prompt_tokens: -5, completion_tokens: 1 }],
  [
    'more reasoning than output',
    { ...reportOf(5, 1), completion_tokens_details: { reasoning_tokens: 2 } },
  ],
  ['no object', 'usage'],
])('usage that is not sane (%s) is replaced by our own count', async (_, usage) => {
  const { meter } = setUp();

  meter.relayed(0, 'content', 'one two three');
  meter.reported(reportOf(1, 1));
  meter.reported(usage);

  expect(await meter.usage()).toMatchObject({ input: 77, output: 3 });
});

test('a report of nothing beside text that was relayed was not counted', async () => {
  const { meter } = setUp();

  meter.relayed(0, 'content', 'one two three');
  meter.reported(reportOf(0, 0));

  expect(await meter.usage()).toMatchObject({ input: 77, output: 3 });
});

test('an answer that is empty by report used no output', async () => {
  const { meter, seen } = setUp();

  meter.reported(reportOf(12, 0));

  expect(await meter.usage()).toMatchObject({ input: 12, output: 0 });
  expect(seen.inputCounts).toBe(0);
});

test('text after a report is counted, but never below what was reported', async () => {
  const { meter } = setUp();

  meter.reported({ ...reportOf(10, 1), prompt_tokens_details: { cached_tokens: 9 } });
  meter.relayed(0, 'content', 'one two three');
  expect(await meter.usage()).toMatchObject({ input: 10, cachedInput: 9, output: 3 });

  meter.reported({ ...reportOf(10, 400), completion_tokens_details: { reasoning_tokens: 390 } });
  meter.relayed(0, 'content', ' four');
  expect(await meter.usage()).toMatchObject({ output: 400, reasoning: 390 });

  meter.relayed(0, 'content', '');
  meter.reported(reportOf(10, 500));
  expect(await meter.usage()).toMatchObject({ output: 500, reasoning: 0 });
});

test('the prompt is counted once', async () => {
  const { meter, seen } = setUp();

  await meter.usage();
  await meter.usage();

  expect(seen.inputCounts).toBe(1);
});

const PROSE =
  'It was the best of times, it was the worst of times; it was 1859.\n\n  def main(): return "ok"\t# 你好 😀 done ';

test('the count does not depend on how the text was cut, nor on how often it was asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      async (lengths, askEvery) => {
        const { meter } = setUp();
        const characters = Array.from(PROSE.repeat(3));
        let relayed = '';
        for (const [index, length] of lengths.entries()) {
          const piece = characters.splice(0, length).join('');
          meter.relayed(0, 'content', piece);
          relayed += piece;
          if (index % askEvery === 0) expect(await meter.output()).toBe(tokensOf(relayed));
          expect(meter.outputAtMost()).toBeGreaterThanOrEqual(tokensOf(relayed));
        }
        expect(await meter.output()).toBe(tokensOf(relayed));
      },
    ),
    { numRuns: 100 },
  );
});

test('interleaved choices are counted as the texts they are', async () => {
  const { meter } = setUp();
  const words = ['inter', 'nation', 'al', 'ization', ' is', ' long'];

  for (const word of words) for (const choice of [0, 1, 2]) meter.relayed(choice, 'content', word);

  expect(await meter.output()).toBe(3 * tokensOf(words.join('')));
});

test('each text is counted once, but for the word that is still growing', async () => {
  const { meter, seen } = setUp();

  for (let round = 0; round < 50; round += 1) {
    meter.relayed(0, 'content', 'some words of an answer that grows ');
    await meter.output();
  }

  const relayed = 50 * 'some words of an answer that grows '.length;
  expect(seen.texts.join('').length).toBeLessThan(relayed * 1.5);
});

test('asking twice at a time counts nothing twice, and text that comes meanwhile is not lost', async () => {
  const gates: (() => void)[] = [];
  const { meter } = setUp({
    count: async (texts) => {
      await new Promise<void>((resolve) => {
        gates.push(resolve);
      });
      return texts.reduce((sum, text) => sum + tokensOf(text), 0);
    },
  });
  meter.relayed(0, 'content', 'one two three');
  const first = meter.output();
  const second = meter.output();
  await expect.poll(() => gates.length).toBeGreaterThan(0);
  meter.relayed(0, 'content', ' four five six seven');

  let isDone = false;
  const both = Promise.all([first, second]).finally(() => {
    isDone = true;
  });
  await expect
    .poll(() => {
      for (const open of gates.splice(0)) open();
      return isDone;
    })
    .toBe(true);

  expect(await both).toEqual([3, 7]);
});

test('a count that fails is reported, and can be asked for again', async () => {
  let fails = true;
  const { meter } = setUp({
    count: (texts) =>
      fails ? Promise.reject(new Error('no worker')) : Promise.resolve(tokensOf(texts.join(''))),
  });
  meter.relayed(0, 'content', 'one two three');

  await expect(meter.usage()).rejects.toThrow('no worker');
  fails = false;

  expect(await meter.usage()).toMatchObject({ output: 3 });
});

test('the free upper bound falls to the count once there is one', async () => {
  const { meter } = setUp();

  meter.relayed(0, 'content', '你好');
  expect(meter.outputAtMost()).toBe(6);
  meter.relayed(0, 'content', ' international organizations met');
  await meter.output();

  expect(meter.outputAtMost()).toBeLessThan(15);
});

test('text beyond what is kept is counted by its bytes', async () => {
  const { meter, seen } = setUp({ count: () => Promise.resolve(1) });
  const megabyte = 'x'.repeat(1_000_000);

  for (let index = 0; index < 6; index += 1) meter.relayed(0, 'content', megabyte);
  expect(meter.outputAtMost()).toBe(6_000_000);

  expect(await meter.output()).toBe(2_000_001);
  expect(seen.texts).toEqual([]);
});

test('choices that an upstream makes up are bounded and still counted', async () => {
  const { meter } = setUp();

  for (let choice = 0; choice < 10_000; choice += 1) meter.relayed(choice, 'reasoning', 'a');

  expect(await meter.usage()).toMatchObject({ output: 10_000, reasoning: 10_000 });
});
