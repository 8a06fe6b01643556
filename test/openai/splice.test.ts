import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseChatRequest } from '../../src/openai/chat-request.ts';
import { spliceBody } from '../../src/openai/splice.ts';
import type { BodyChanges } from '../../src/openai/splice.ts';

const MESSAGES = '"messages":[{"role":"user","content":"say \\"}\\" {"}]';

function splice(body: string, changes: BodyChanges): string {
  return spliceBody(parseChatRequest(Buffer.from(body)), changes).toString();
}

test('nothing to change: the received bytes themselves', () => {
  const body = Buffer.from(`{"model":"m",${MESSAGES},"max_tokens":5}`);
  const request = parseChatRequest(body);

  expect(spliceBody(request, {})).toBe(body);
  expect(
    spliceBody(request, { model: 'm', maxTokens: { field: 'max_completion_tokens', value: 5 } }),
  ).toBe(body);
});

test('only the changed values change: spaces, order, escapes and big integers stay', () => {
  const body = ` { "seed" : 9007199254740993 ,\n"m\\u006fdel" : "a" , ${MESSAGES},\t"max_tokens" : 100 } `;
  const changes = { model: 'x/"y"', maxTokens: { field: 'max_tokens', value: 7 } } as const;

  expect(splice(body, changes)).toBe(
    ` { "seed" : 9007199254740993 ,\n"m\\u006fdel" : "x/\\"y\\"" , ${MESSAGES},\t"max_tokens" : 7 } `,
  );
});

test('a limit goes into the field that the client used, whatever ours is', () => {
  const changes = { maxTokens: { field: 'max_tokens', value: 7 } } as const;

  expect(splice(`{"model":"m",${MESSAGES},"max_completion_tokens":9}`, changes)).toBe(
    `{"model":"m",${MESSAGES},"max_completion_tokens":7}`,
  );
});

test('a limit is added where there was none, and replaces null', () => {
  const changes = { maxTokens: { field: 'max_tokens', value: 7 } } as const;

  expect(splice(`{"model":"m",${MESSAGES}}\n`, changes)).toBe(
    `{"model":"m",${MESSAGES},"max_tokens":7}\n`,
  );
  expect(splice(`{"model":"m","max_tokens":null,${MESSAGES}}`, changes)).toBe(
    `{"model":"m","max_tokens":7,${MESSAGES}}`,
  );
});

test('a limit is never raised', () => {
  const changes = { maxTokens: { field: 'max_tokens', value: 700 } } as const;

  expect(splice(`{"model":"m",${MESSAGES},"max_tokens":9}`, changes)).toContain('"max_tokens":9}');
});

test('P4: two limits that differ become the smaller one, since upstreams obey one or the other', () => {
  const body = `{"max_tokens":900,"model":"m",${MESSAGES},"max_completion_tokens":8}`;

  expect(splice(body, {})).toBe(
    `{"max_tokens":8,"model":"m",${MESSAGES},"max_completion_tokens":8}`,
  );
  expect(splice(body, { maxTokens: { field: 'max_tokens', value: 5 } })).toBe(
    `{"max_tokens":5,"model":"m",${MESSAGES},"max_completion_tokens":5}`,
  );
});

test('usage is asked for beside the other stream options', () => {
  const usage = { includeUsage: true };

  expect(splice(`{"model":"m",${MESSAGES}}`, usage)).toBe(
    `{"model":"m",${MESSAGES},"stream_options":{"include_usage":true}}`,
  );
  expect(splice(`{"model":"m",${MESSAGES},"stream_options":null}`, usage)).toBe(
    `{"model":"m",${MESSAGES},"stream_options":{"include_usage":true}}`,
  );
  expect(
    splice(
      `{"stream_options":{"include_obfuscation":false,"include_usage":false},"model":"m",${MESSAGES}}`,
      usage,
    ),
  ).toBe(
    `{"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"m",${MESSAGES}}`,
  );
});

test('property: the forwarded body is the received object with the changes and nothing else', () => {
  const KNOWN = ['model', 'messages', 'max_tokens', 'stream_options'];
  const extra = fc.dictionary(
    fc.string({ maxLength: 8 }).filter((key) => !KNOWN.includes(key) && !/^[a-z_]+$/i.test(key)),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 5 },
  );
  const limit = fc.option(fc.integer({ min: 1, max: 1e6 }), { nil: undefined });
  const property = fc.property(
    extra,
    fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
    fc.tuple(limit, fc.integer({ min: 1, max: 1e6 })),
    fc.constantFrom(undefined, 1, '\t'),
    (rest, model, [own, value], indent) => {
      const messages = [{ role: 'user', content: '{"model":"\\"' }];
      const sent = { ...rest, model: 'm', ...(own && { max_tokens: own }), messages };
      const received = Buffer.from(JSON.stringify(sent, undefined, indent));
      const changes = {
        model,
        maxTokens: { field: 'max_tokens', value },
        includeUsage: true,
      } as const;
      const forwarded = spliceBody(parseChatRequest(received), changes);

      expect(JSON.parse(forwarded.toString())).toEqual({
        ...JSON.parse(received.toString()),
        model: JSON.parse(JSON.stringify(model)),
        max_tokens: Math.min(own ?? value, value),
        stream_options: { include_usage: true },
      });
      const untouched = JSON.stringify(messages, undefined, indent)
        .split('\n')
        .join(indent === undefined ? '' : `\n${indent === 1 ? ' ' : indent}`);
      expect(forwarded.toString()).toContain(untouched);
    },
  );

  fc.assert(property, { numRuns: 100 });
});

test('what says who may answer is for us: it is taken out, wherever it stands', () => {
  const rest = `"model":"m",${MESSAGES}`;

  for (const body of [
    `{"provider":{"only":["a","}"]},"models":["n"],${rest}}`,
    `{"model":"m","provider" : {"sort":"price"},${MESSAGES}}`,
    `{${rest},"route":"fallback"}`,
    `{${rest},"models":["n"],"provider":null}`,
    `{"route":null,"model":"m","models":[],${MESSAGES},"provider":{},"route2":1}`,
  ]) {
    const sent = splice(body, {});
    const {
      provider: _,
      models: __,
      route: ___,
      ...kept
    } = JSON.parse(body) as Record<string, unknown>;

    expect(JSON.parse(sent)).toEqual(kept);
    expect(
      splice(body, {
        model: 'x',
        maxTokens: { field: 'max_tokens', value: 7 },
        includeUsage: true,
      }),
    ).toBe(
      splice(sent, {
        model: 'x',
        maxTokens: { field: 'max_tokens', value: 7 },
        includeUsage: true,
      }),
    );
  }
});

test('taking out what is for us leaves every other byte as it was', () => {
  expect(
    splice(`{ "a" : 1e2 ,\n"provider":{}, "model":"m",${MESSAGES} , "models":["n"] }`, {}),
  ).toBe(`{ "a" : 1e2 ,\n"model":"m",${MESSAGES} }`);
});

test('members taken out at random leave the JSON of the others', () => {
  const member = fc.constantFrom('provider', 'models', 'route', 'a', 'b', 'c');
  fc.assert(
    fc.property(fc.uniqueArray(member), fc.nat(6), (names, at) => {
      const members = names.map((name) => `"${name}" : [1, "}"]`);
      members.splice(at, 0, '"model":"m"', MESSAGES);
      const body = `{${members.join(' ,\n')}}`;
      const {
        provider: _,
        models: __,
        route: ___,
        ...kept
      } = JSON.parse(body) as Record<string, unknown>;

      expect(JSON.parse(splice(body, { includeUsage: true }))).toEqual({
        ...kept,
        stream_options: { include_usage: true },
      });
    }),
  );
});
