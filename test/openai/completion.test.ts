import { expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { readCompletion, spliceCompletion } from '../../src/openai/completion.ts';
import { costFields } from '../../src/openai/cost-fields.ts';
import { WireError } from '../../src/openai/wire-error.ts';

const COST = costFields({ charge: msat(1200n) });
const CHOICES =
  '"choices":[{"index":0,"message":{"role":"assistant","content":"a \\"usage\\":{}"},"finish_reason":"stop"}]';

const read = (text: string) => readCompletion(Buffer.from(text));

test('usage, cost and change are spliced in; every other byte stays', () => {
  const text = `{ "id" : "c1", "seed": 9007199254740993, ${CHOICES}, "usage" : {"prompt_tokens":3, "cost":0.1} , "z":1}\n`;
  const completion = read(text);
  const usage = { ...completion.usage };

  expect(spliceCompletion(completion, { usage, cost: COST, xCashu: 'cashuBx' }).toString()).toBe(
    `{ "id" : "c1", "seed": 9007199254740993, ${CHOICES}, "usage" : {"prompt_tokens":3,"cost":{"total_msats":1200},"cost_sats":1.2} , "z":1,"x_cashu":"cashuBx"}\n`,
  );
});

test('an answer without usage gets ours', () => {
  const completion = read(`{${CHOICES}}`);

  expect(completion.usage).toBeUndefined();
  expect(spliceCompletion(completion, { usage: { total_tokens: 2 }, cost: COST }).toString()).toBe(
    `{${CHOICES},"usage":{"total_tokens":2,"cost":{"total_msats":1200},"cost_sats":1.2}}`,
  );
});

test.each([
  '"x_cashu":"cashuBmoney"',
  String.raw`"\u0078_cashu":"cashuBmoney"`,
  '"metadata":{"x_cashu":"cashuBmoney"}',
  '"x_cashu":"cashuBmoney","x_cashu":"cashuBagain"',
])('T4: money in an answer is taken out: %s', (money) => {
  const completion = read(`{"id":"c1",${money},${CHOICES}}`);
  const answer = spliceCompletion(completion, { usage: {}, cost: COST }).toString();

  expect(answer).not.toContain('cashu');
  expect(JSON.parse(answer)).toMatchObject({ id: 'c1', choices: [{ index: 0 }] });
});

test.each([
  '"cost":{"total_msats":77}',
  String.raw`"\u0063ost":{"total_msats":77}`,
  '"metadata":{"routstr":{"cost":{"total_msats":77}}}',
  '"cost":77,"metadata":{"routstr":77}',
  '"cost_sats":77,"remaining_balance_msats":77',
])('T4: what an upstream charged us is taken out: %s', (said) => {
  const completion = read(`{"id":"c1",${said},${CHOICES}}`);

  expect(completion.body.toString()).not.toContain('77');
});

test('T4: an upstream tells no payer what is left of ours there', () => {
  const said = '"usage":{"prompt_tokens":3,"cost_sats":77,"remaining_balance_msats":77}';
  const completion = read(`{"id":"c1",${said},${CHOICES}}`);
  const usage = completion.usage ?? {};

  expect(spliceCompletion(completion, { usage, cost: COST }).toString()).toBe(
    `{"id":"c1","usage":{"prompt_tokens":3,"cost":{"total_msats":1200},"cost_sats":1.2},${CHOICES}}`,
  );
});

test('metadata that is not about money stays', () => {
  const { body } = read(`{"metadata":{"a":1,"routstr":2},${CHOICES}}`);

  expect(JSON.parse(body.toString())).toMatchObject({ metadata: { a: 1 } });
});

test.each(['', '<html></html>', '[]', '{}', '{"choices":{}}', `{${CHOICES}`, 'null'])(
  'what is no completion is refused: %s',
  (text) => {
    expect(() => read(text)).toThrow(WireError);
  },
);

test('JSON that is nested too deeply to look for money in is refused', () => {
  const depth = 200_000;

  expect(() =>
    read(`{"a":${'['.repeat(depth)}${']'.repeat(depth)},"x_cashu":1,${CHOICES}}`),
  ).toThrow(WireError);
});

test('an error under status 200 is told as an error', () => {
  expect(read('{"error":{"message":"no credit","code":402}}').error).toEqual({
    message: 'no credit',
    type: undefined,
    param: undefined,
    code: '402',
  });
});

test('all generated texts are found', () => {
  const message = {
    role: 'assistant',
    content: [{ type: 'text', text: 'parts' }],
    refusal: 'no',
    reasoning_details: [{ type: 'reasoning.text', text: 'hm' }],
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
  };
  const choices = [
    { index: 0, message },
    { index: 1, message: { content: 'two' } },
  ];

  expect(read(JSON.stringify({ choices })).texts()).toEqual([
    'parts',
    'no',
    'hm',
    'f',
    '{}',
    'two',
  ]);
});
