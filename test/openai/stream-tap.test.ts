import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createStreamTap } from '../../src/openai/stream-tap.ts';
import type { StreamTap } from '../../src/openai/stream-tap.ts';
import { WireError } from '../../src/openai/wire-error.ts';

function chunk(delta: object, more: object = {}): string {
  const choices = [{ index: 0, delta, finish_reason: null, ...more }];
  return JSON.stringify({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 7,
    model: 'm',
    choices,
  });
}

const event = (data: string): string => `data: ${data}\n\n`;
const HI = event(chunk({ role: 'assistant', content: 'h\u00ed ' }));
const THERE = event(chunk({ content: 'there \u{1F600}' }));
const STOP = event(chunk({}, { finish_reason: 'stop' }));
const USAGE_DATA = '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';
const USAGE = event(`{"id":"c1","choices":[],"usage":${USAGE_DATA}}`);
const DONE = event('[DONE]');

/** Feeds `pieces` and gives all that came out. */
function feed(tap: StreamTap, ...pieces: readonly (string | Buffer)[]): string {
  return Buffer.concat(pieces.map((piece) => tap.push(Buffer.from(piece)))).toString();
}

test('whole events of a running answer come out as the very same Buffer', () => {
  const tap = createStreamTap({ choices: 1 });
  feed(tap, HI);
  const there = Buffer.from(THERE + HI);

  expect(tap.push(there)).toBe(there);
});

test('the usage chunk and [DONE] are held back, the rest is relayed as it came', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, HI, THERE, STOP, USAGE, DONE)).toBe(HI + THERE + STOP);
  expect(tap).toMatchObject({
    sawChunk: true,
    finished: true,
    done: true,
    error: undefined,
    usage: JSON.parse(USAGE_DATA),
    meta: { id: 'c1', created: 7, model: 'm' },
    relayedBytes: Buffer.byteLength(HI + THERE + STOP),
  });
});

test.each([
  '"cost":{"total_msats":77}',
  String.raw`"\u0063ost":{"total_msats":77}`,
  '"metadata":{"routstr":{"cost":77}}',
  '"usage":{"prompt_tokens":3,"cost":77,"cost_sats":77,"remaining_balance_msats":77}',
])('T4: a chunk does not tell the payer what an upstream charged us: %s', (said) => {
  const tap = createStreamTap({ choices: 1 });
  const out = feed(tap, HI, event(chunk({ content: 'a' }).replace(/}$/, `,${said}}`)), STOP, DONE);

  expect(out).not.toContain('77');
  expect(out).toContain('"content":"a"');
});

test('what follows [DONE] is dropped', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, HI, DONE + THERE, THERE)).toBe(HI);
});

test.each([
  ['with a space', event(`{"choices":[],"usage" : {"prompt_tokens":9}}`), ''],
  ['with an escaped key', event(String.raw`{"choices":[],"us\u0061ge":{"prompt_tokens":9}}`), ''],
  ['over two data lines', 'data: {"choices":[],"usage"\ndata: :{"prompt_tokens":9}}\n\n', ''],
  ['without a space after data:', 'data:{"choices":[],"usage":{"prompt_tokens":9}}\n\n', ''],
])('usage is found %s', (_how, sent, relayed) => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, HI, sent)).toBe(HI + relayed);
  expect(tap.usage).toEqual({ prompt_tokens: 9 });
});

test('usage on a chunk with content is remembered, the last one wins, and the content is relayed', () => {
  const tap = createStreamTap({ choices: 1 });
  const first = event(chunk({ content: 'a' }).replace(/}$/, ',"usage":{"prompt_tokens":1}}'));
  const second = event(chunk({ content: 'b' }).replace(/}$/, ',"usage":{"prompt_tokens":2}}'));

  expect(feed(tap, first, second)).toBe(first + second);
  expect(tap.usage).toEqual({ prompt_tokens: 2 });
  expect(tap.takeTexts()).toEqual(['ab']);
});

test('usage within a text is text', () => {
  const tap = createStreamTap({ choices: 1 });
  const decoy = event(
    chunk({ content: '"usage":{"prompt_tokens":999}, "error":1 [DONE] x_cashu' }),
  );

  expect(feed(tap, HI, decoy)).toBe(HI + decoy);
  expect(tap).toMatchObject({ usage: undefined, error: undefined, done: false });
});

test('comments before the first chunk are dropped, later ones are relayed', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, ': waiting\n\n: waiting\n\n')).toBe('');
  expect(tap.sawChunk).toBe(false);
  expect(feed(tap, `${HI}: still here\n\n`, ': and now\n\n')).toBe(
    `${HI}: still here\n\n: and now\n\n`,
  );
});

test.each([
  ['{"error":{"message":"no","type":"t","param":null,"code":429}}', 'no', '429'],
  ['{"error":"overloaded"}', 'overloaded', undefined],
  [String.raw`{"\u0065rror":{"message":"hidden"}}`, 'hidden', undefined],
])('an error as first event leaves nothing to relay: %s', (data, message, code) => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, ': hi\n\n', event(data), HI)).toBe('');
  expect(tap).toMatchObject({ sawChunk: false, error: { message, code } });
});

test('an error in the middle ends the stream', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, HI, `event: error\n${event('{"message":"broke"}')}`, THERE)).toBe(HI);
  expect(tap.error?.message).toBe('broke');
  expect(tap.finished).toBe(false);
});

test('keys and account ids in an error do not reach the payer', () => {
  const tap = createStreamTap({ choices: 1 });
  const text = 'Rate limit in org-a1B2c3D4e5 with key sk-proj-ab12****cd, mail ops@host.example';
  feed(tap, event(JSON.stringify({ error: { message: text } })));

  expect(tap.error?.message).toBe('Rate limit in *** with key ***, mail ***');
});

test('what is called a key, passwords in URLs and tokens within words do not either', () => {
  const tap = createStreamTap({ choices: 1 });
  const text = 'https://me:pass@api.example/v1?api_key=hunter2&a=1 x_cashuBo2FteA17 "secret": "s3"';
  feed(tap, event(JSON.stringify({ error: { message: text } })));

  expect(tap.error?.message).toBe('https://***api.example/v1?***&a=1 x_*** "***"');
});

test.each([
  event(chunk({ content: 'a' }).replace(/}$/, ',"x_cashu":"cashuBmoney"}')),
  event(chunk({ content: 'a' }).replace(/}$/, String.raw`,"\u0078\u005fcashu":"cashuBmoney"}`)),
  event(chunk({ content: 'a' }, { x_cashu: ['cashuBmoney'] })),
  `data: ${chunk({ content: 'a' }).replace(/}$/, '')}\ndata: ,"x_cashu":"cashuBmoney"}\n\n`,
])('T4: money in an event is taken out and the rest is relayed: %#', (sent) => {
  const tap = createStreamTap({ choices: 1 });
  const relayed = feed(tap, HI, sent, THERE);

  expect(relayed).not.toContain('cashu');
  expect(relayed).toBe(HI + event(chunk({ content: 'a' })) + THERE);
});

test('T4: money in the usage chunk is no part of the usage', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, HI, event('{"choices":[],"x_cashu":"a","usage":{"x_cashu":"b","n":1}}'))).toBe(
    HI,
  );
  expect(tap.usage).toEqual({ n: 1 });
});

test.each([event('hello'), event('{"type":"ping"}'), event('[1]')])(
  'a first event that is no chunk is refused: %s',
  (sent) => {
    const tap = createStreamTap({ choices: 1 });

    expect(() => feed(tap, sent)).toThrow(WireError);
    expect(tap.sawChunk).toBe(false);
  },
);

test('of a page of HTML nothing is relayed', () => {
  const tap = createStreamTap({ choices: 1 });

  expect(feed(tap, '<html>\n\n<body>sorry</body>\n\n</html>') + tap.end().toString()).toBe('');
  expect(tap.sawChunk).toBe(false);
});

test('an event that never ends is refused', () => {
  const tap = createStreamTap({ choices: 1 });
  const piece = Buffer.alloc(1024 * 1024, 'x');

  expect(() => {
    for (let sent = 0; sent < 8; sent += 1) tap.push(piece);
  }).toThrow(WireError);
});

test('finished means: every choice that was seen has a finish reason', () => {
  const tap = createStreamTap({ choices: 2 });
  feed(tap, HI, event(chunk({ content: 'x' }, { index: 1 })), STOP);
  expect(tap.finished).toBe(false);
  feed(tap, event(chunk({}, { index: 1, finish_reason: 'length' })));

  expect(tap.finished).toBe(true);
});

test('the relayed texts are given once: content, reasoning once, refusals, calls', () => {
  const tap = createStreamTap({ choices: 1 });
  const call = (fields: object, index = 0): object => ({
    tool_calls: [{ index, function: fields }],
  });
  const deltas = [
    { reasoning: 'hm', reasoning_content: 'hm' },
    { reasoning_content: ' ok' },
    { content: 'Hel' },
    { content: 'lo' },
    { refusal: 'no' },
    call({ name: 'f', arguments: '' }),
    call({ arguments: '{"a"' }),
    call({ arguments: ':1}' }),
    call({ name: 'g' }, 1),
    { function_call: { name: 'old', arguments: '{}' } },
  ];
  for (const delta of deltas) feed(tap, event(chunk(delta)));

  expect(tap.takeTexts()).toEqual(['hm ok', 'Hello', 'no', 'f', '{"a":1}', 'g', 'old', '{}']);
  expect(tap.takeTexts()).toEqual([]);
  feed(tap, THERE);
  expect(tap.takeTexts()).toEqual(['there \u{1F600}']);
});

test('texts that nobody takes have a limit', () => {
  const tap = createStreamTap({ choices: 1 });
  const long = event(chunk({ content: 'x'.repeat(500_000) }));

  expect(() => {
    for (let sent = 0; sent < 12; sent += 1) feed(tap, long);
  }).toThrow(WireError);
});

test('a last event without its blank line counts if it is whole, and not if it was cut off', () => {
  const whole = createStreamTap({ choices: 1 });
  feed(whole, HI, STOP, DONE.trimEnd());
  expect(whole.done).toBe(false);
  expect(whole.end().toString()).toBe('');
  expect(whole.done).toBe(true);

  const open = createStreamTap({ choices: 1 });
  feed(open, HI, THERE.trimEnd());
  expect(open.end().toString()).toBe(THERE);

  const cut = createStreamTap({ choices: 1 });
  feed(cut, HI, THERE.slice(0, -9));
  expect(cut.end().toString()).toBe('');
  expect(cut.takeTexts()).toEqual(['h\u00ed ']);
});

const ODD_STREAM = [
  ': hello\n\n',
  HI,
  `\n\n${THERE}`,
  ': comment\n\n',
  event(chunk({ content: 'money' }, { x_cashu: 'm' })),
  event(chunk({ content: 'counted' }).replace(/}$/, ',"usage":{"prompt_tokens":1}}')),
  `id: 7\n${THERE}`,
  STOP,
  USAGE,
  DONE,
  'after',
].join('');

const FIXTURES = new Map([
  ['LF', ODD_STREAM],
  ['CRLF', ODD_STREAM.replaceAll('\n', '\r\n')],
  ['CR', ODD_STREAM.replaceAll('\n', '\r')],
  ['mixed', ODD_STREAM.replaceAll('\n\n', '\n\r\n')],
]);

function findings(pieces: readonly Buffer[]) {
  const tap = createStreamTap({ choices: 1 });
  const out = Buffer.concat([...pieces.map((piece) => tap.push(piece)), tap.end()]).toString();
  const { sawChunk, finished, done, error, usage, meta, relayedBytes } = tap;
  const found = { sawChunk, finished, done, error, usage, meta, relayedBytes };
  return { out, found, texts: tap.takeTexts() };
}

test.each([...FIXTURES])(
  '%s: a stream cut in two at any byte is relayed the same',
  (_name, text) => {
    const bytes = Buffer.from(text);
    const whole = findings([bytes]);
    expect(whole.texts).toEqual(['h\u00ed there \u{1F600}moneycountedthere \u{1F600}']);
    expect(whole.found).toMatchObject({
      done: true,
      finished: true,
      usage: JSON.parse(USAGE_DATA),
    });
    expect(whole.out).not.toContain('x_cashu');
    expect(whole.out).not.toContain('hello');

    for (let at = 1; at < bytes.length; at += 1) {
      expect(findings([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    }
  },
);

test.each([...FIXTURES])('%s: property: cut anywhere, any number of times', (_name, text) => {
  const bytes = Buffer.from(text);
  const whole = findings([bytes]);
  const property = fc.property(
    fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 60 }),
    (cuts) => {
      const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      expect(findings(pieces)).toEqual(whole);
    },
  );

  fc.assert(property, { numRuns: 100 });
  expect(findings([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
});
