import { describe, expect, test } from 'vitest';

import { RouterError } from '../../src/lib/errors.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import {
  completion,
  delta,
  DONE,
  event,
  finish,
  railWith,
  refuses,
  scripted,
  send,
  usage,
} from './fakes.ts';
import { closedBreaker, configured, TEN_TWENTY } from './market.ts';

/** The fake prompt is 'Hi' with role 'user': two words, and 7 tokens of frame. Input costs 10 msat, output 20. */
const OWN_INPUT_MSAT = (2n + 7n) * 10n;
const RICH = 10_000_000n;
const STREAM = { stream: true };

const lastEvent = (text: string): Record<string, unknown> => {
  const events = text.split('\n\n').filter((part) => part.startsWith('data: {'));
  return JSON.parse(events.at(-1)?.slice('data: '.length) ?? 'null') as Record<string, unknown>;
};
const eventsOf = (text: string): string[] => text.split('\n\n').filter((part) => part !== '');

describe('a stream', () => {
  test('is relayed byte by byte, and its usage and [DONE] make place for ours', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('Hello'));
      await push(delta(' world') + finish());
      await push(usage(9, 2) + DONE);
    });
    const rail = railWith(RICH);

    const { sink, report } = send([upstream], rail, STREAM);

    expect(await report).toMatchObject({
      model: 'm',
      provider: 'a',
      charge: 130n,
      error: undefined,
    });
    const [first, second, third, last, done, ...others] = eventsOf(sink.text);
    expect(`${first}\n\n${second}\n\n${third}\n\n`).toBe(
      delta('Hello') + delta(' world') + finish(),
    );
    expect(JSON.parse((last ?? '').slice(6))).toMatchObject({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      choices: [],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 2,
        total_tokens: 11,
        cost: { total_msats: 130 },
        cost_sats: 0.13,
      },
      x_cashu: 'cashuBchange',
    });
    expect(done).toBe('data: [DONE]');
    expect(others).toEqual([]);
    expect(rail.ends).toEqual([{ charge: 130n, payerGone: false, error: undefined }]);
  });

  test('leaves while the upstream still works', async () => {
    const held = Promise.withResolvers<void>();
    const upstream = scripted(async ({ push }) => {
      await push(delta('first'));
      await held.promise;
      await push(finish() + usage(9, 1) + DONE);
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);
    await expect.poll(() => sink.text).toBe(delta('first'));
    held.resolve();
    await report;

    expect(sink.isEnded).toBe(true);
  });

  test('in pieces of any size comes out the same', async () => {
    const whole = delta('Grüße, 世界') + finish() + usage(9, 2) + DONE;
    const sizes = [1, 2, 3, 7, 50, 1_000];
    const texts = await Promise.all(
      sizes.map(async (size) => {
        const bytes = Buffer.from(whole);
        const upstream = scripted(async ({ push }) => {
          for (let at = 0; at < bytes.length; at += size) {
            await push(bytes.subarray(at, at + size).toString('latin1'));
          }
        });
        const latin: typeof upstream = {
          ...upstream,
          async send(request, cancel) {
            const answer = await upstream.send(request, cancel);
            const relay: typeof answer.relay = (onChunk) =>
              answer.relay((chunk) => onChunk(Buffer.from(chunk.toString(), 'latin1')));
            return { ...answer, relay };
          },
        };
        const { sink, report } = send([latin], railWith(RICH), STREAM);
        await report;
        return sink.text;
      }),
    );

    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain(delta('Grüße, 世界'));
  });

  test('without usage is charged by our own count', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two') + delta(' three') + finish() + DONE);
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).charge).toBe(OWN_INPUT_MSAT + 3n * 20n);
    expect(lastEvent(sink.text)).toMatchObject({
      usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
    });
  });

  test.each([
    ['negative', -5, 2],
    ['fractional', 9, 2.5],
    ['not a number', 9, '2'],
  ])('whose usage is %s is charged by our own count', async (_title, prompt, tokens) => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two') + finish());
      await push(
        event({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: tokens } }),
      );
      await push(DONE);
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).charge).toBe(OWN_INPUT_MSAT + 2n * 20n);
    expect(lastEvent(sink.text)).toMatchObject({
      usage: { prompt_tokens: 9, completion_tokens: 2 },
    });
  });

  test('costs never more than what is held', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('a') + finish() + usage(1_000_000, 1_000_000) + DONE);
    });
    const rail = railWith(20_000n);

    const { report } = send([upstream], rail, { ...STREAM, max_tokens: 10 });

    const held = rail.quotes[0]?.wanted;
    expect(held).toBeDefined();
    expect((await report).charge).toBe(held);
  });

  test('that says [DONE] and keeps its connection open does not keep the payer waiting', async () => {
    const upstream = scripted(async ({ push, closed }) => {
      await push(delta('a') + finish() + usage(9, 1) + DONE);
      await closed;
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);
    await report;

    expect(sink.isEnded).toBe(true);
  });

  test('that ends without [DONE] after its finish reason is complete', async () => {
    const upstream = scripted(async ({ push }) => push(delta('a') + finish() + usage(9, 1)));

    const { sink, report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).error).toBeUndefined();
    expect(sink.text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('of which the cost is told while it runs', async () => {
    const held = Promise.withResolvers<void>();
    const rail = railWith(RICH);
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two three'));
      await held.promise;
      await push(delta(' four') + finish() + usage(9, 4) + DONE);
    });

    const { report } = send([upstream], rail, STREAM);
    await expect.poll(() => rail.metered).toEqual([OWN_INPUT_MSAT + 60n]);
    held.resolve();

    expect((await report).charge).toBe(170n);
  });

  test('waits for a payer that reads slowly', async () => {
    const read = Promise.withResolvers<void>();
    const pushed: number[] = [];
    const upstream = scripted(async ({ push }) => {
      for (let count = 0; count < 3; count += 1) {
        await push(delta(`${count}`));
        pushed.push(count);
      }
      await push(finish() + usage(9, 3) + DONE);
    });
    const asked = send([upstream], railWith(RICH), STREAM);
    asked.sink.full = read.promise;

    await expect.poll(() => asked.sink.text).toBe(delta('0'));
    expect(pushed).toEqual([]);
    asked.sink.full = undefined;
    read.resolve();
    await asked.report;

    expect(pushed).toEqual([0, 1, 2]);
  });
});

describe('an answer in one piece', () => {
  const USAGE = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 };

  test('carries its cost and, in its headers, its change', async () => {
    const upstream = scripted(async ({ push }) => push(completion('Hello world', USAGE)));

    const { sink, report } = send([upstream], railWith(RICH), {});

    expect((await report).charge).toBe(130n);
    expect(JSON.parse(sink.text)).toMatchObject({
      choices: [{ message: { content: 'Hello world' } }],
      usage: { ...USAGE, cost: { total_msats: 130 } },
    });
    expect(sink.text).not.toContain('x_cashu');
    expect(sink.settlement?.change?.token).toBe('cashuBchange');
  });

  test('carries change in its body where a header must not', async () => {
    const upstream = scripted(async ({ push }) => push(completion('Hello world', USAGE)));

    const { sink, report } = send([upstream], railWith(RICH, { header: false }), {});
    await report;

    expect(JSON.parse(sink.text)).toMatchObject({ x_cashu: 'cashuBchange' });
  });

  test('never passes on money that an upstream puts in (T4)', async () => {
    const json = JSON.parse(completion('Hi', USAGE)) as object;
    const upstream = scripted(async ({ push }) =>
      push(JSON.stringify({ ...json, x_cashu: 'cashuBforged' })),
    );

    const { sink, report } = send([upstream], railWith(RICH), {});
    await report;

    expect(sink.text).not.toContain('cashuBforged');
  });

  test('without usage is charged by our own count', async () => {
    const upstream = scripted(async ({ push }) => push(completion('one two three')));

    const { sink, report } = send([upstream], railWith(RICH), {});

    expect((await report).charge).toBe(OWN_INPUT_MSAT + 60n);
    expect(JSON.parse(sink.text)).toMatchObject({ usage: { completion_tokens: 3 } });
  });

  test.each([
    ['HTML', '<html>'],
    ['an error', JSON.stringify({ error: { message: 'no' } })],
    ['nothing', ''],
    ['too large', completion('x'.repeat(2_000))],
  ])('that is %s is no answer: the next upstream is asked', async (_title, body) => {
    const first = scripted(async ({ push }) => push(body));
    const second = scripted(async ({ push }) => push(completion('Hello world', USAGE)));
    const limits = { meterMs: 10, usageMs: 10, drainMs: 10, answerBytes: 1_500 };

    const { report } = send([first, second], railWith(RICH), {}, { limits });

    expect(await report).toMatchObject({
      provider: 'b',
      charge: 130n,
      attempts: [
        { provider: 'a', failure: 'protocol' },
        { provider: 'b', failure: undefined },
      ],
    });
  });
});

describe('what goes upstream', () => {
  const ANSWER = completion('a', { prompt_tokens: 9, completion_tokens: 1 });
  const sent = async (body: object, held = RICH, source = {}) => {
    const upstream = scripted(async ({ push, body: asked }) =>
      push(asked['stream'] === true ? delta('a') + finish() + DONE : ANSWER),
    );
    const { report, sink } = send([{ upstream, ...source }], railWith(held), body);
    const { error } = await report;
    return { json: upstream.requests[0]?.json, sink, error, raw: upstream.requests[0]?.body };
  };

  test('is the body as it came, where it binds already', async () => {
    const { json, raw } = await sent({ max_tokens: 10, temperature: 0.5 });

    expect(raw?.toString()).toBe(
      '{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":10,"temperature":0.5}',
    );
    expect(json).toMatchObject({ max_tokens: 10 });
  });

  test('always has an output limit, in the field of the provider', async () => {
    const models = [configured('m', { maxOutput: 500 })];

    const own = await sent({}, RICH, { models });
    const other = await sent({}, RICH, { models, maxOutputField: 'max_completion_tokens' });

    expect(own.json).toMatchObject({ max_tokens: 500 });
    expect(other.json).toMatchObject({ max_completion_tokens: 500 });
    expect(other.json).not.toHaveProperty('max_tokens');
    expect(own.sink.headers).not.toHaveProperty('x-nutroute-max-tokens');
  });

  test('asks for usage in streams only', async () => {
    expect((await sent(STREAM)).json).toMatchObject({ stream_options: { include_usage: true } });
    expect((await sent({})).json).not.toHaveProperty('stream_options');
  });

  test("has the provider's own name of the model", async () => {
    const models = [configured('m', { upstreamId: 'vendor/m-2' })];

    expect((await sent({}, RICH, { models })).json).toMatchObject({ model: 'vendor/m-2' });
  });

  test('is capped at what the payment affords, and the payer is told', async () => {
    const { json, sink } = await sent({ max_completion_tokens: 4_000 }, 20_000n);

    const limit = Number(json?.['max_completion_tokens']);
    expect(limit).toBeGreaterThan(16);
    expect(limit).toBeLessThan(1_000);
    expect(json).not.toHaveProperty('max_tokens');
    expect(sink.headers['x-nutroute-max-tokens']).toBe(String(limit));
  });

  test('shares the cap between the choices', async () => {
    const one = await sent({ max_tokens: 4_000, n: 1 }, 20_000n);
    const four = await sent({ max_tokens: 4_000, n: 4 }, 20_000n);

    expect(four.json?.['max_tokens']).toBe(Math.floor(Number(one.json?.['max_tokens']) / 4));
  });

  test('is nothing where the request asks for what has no price (P4)', async () => {
    const { json, error } = await sent({ web_search_options: {} });

    expect(json).toBeUndefined();
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'web_search_options' });
  });

  test('is nothing where a provider must not fetch images (T5)', async () => {
    const image = (url: string) => ({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    });
    const remote = image('http://169.254.169.254/latest');

    expect((await sent(remote)).json).toBeUndefined();
    expect((await sent(remote, RICH, { allowRemoteImages: true })).json).toBeDefined();
    expect((await sent(image('data:image/png;base64,AAAA'))).json).toBeDefined();
  });
});

describe('failover', () => {
  const USAGE = usage(9, 1);
  const good = () => scripted(async ({ push }) => push(delta('good') + finish() + USAGE + DONE));

  const FAULTS: [string, Parameters<typeof scripted>[0]][] = [
    ['does not answer', new UpstreamFailure('unreachable', 'down')],
    ['is too late', new UpstreamFailure('timeout', 'late')],
    ['refuses us', refuses(401)],
    ['is not paid by us', refuses(402)],
    ['forbids us', refuses(403)],
    ['does not know the model', refuses(404, { error: { message: 'no model', param: 'model' } })],
    ['has too much to do', refuses(429)],
    ['fails', refuses(503)],
    ['begins with an error', async ({ push }) => push('data: {"error":{"message":"no"}}\n\n')],
    ['begins with HTML', async ({ push }) => push('<html><body>\n\n')],
    ['ends before it began', async () => undefined],
    ['says only [DONE]', async ({ push }) => push(DONE)],
    [
      'breaks off before the first chunk',
      async ({ push }) => {
        await push(': waiting\n\n');
        throw new UpstreamFailure('broken', 'reset');
      },
    ],
  ];

  test.each(FAULTS)(
    'an upstream that %s is followed by the next; one payment',
    async (_title, fault) => {
      const [bad, next, rail] = [scripted(fault), good(), railWith(RICH)];

      const { sink, report } = send([bad, next], rail, STREAM);

      expect(await report).toMatchObject({ provider: 'b', charge: 110n, error: undefined });
      expect(sink.text.startsWith(delta('good'))).toBe(true);
      expect(rail.quotes).toHaveLength(1);
      expect(rail.ends).toHaveLength(1);
      expect([bad.requests.length, next.requests.length]).toEqual([1, 1]);
    },
  );

  test('an upstream whose breaker is open is not asked', async () => {
    const bad = scripted(refuses(500));
    const breaker = { ...closedBreaker, isResting: true };
    const rail = railWith(RICH);

    const { report } = send([{ upstream: bad, breaker }, good()], rail, STREAM);
    const alone = send([{ upstream: bad, breaker }], rail, STREAM);

    expect((await report).provider).toBe('b');
    expect((await alone.report).error).toMatchObject({ code: 'no_upstream', status: 503 });
    expect(bad.requests).toEqual([]);
    expect(rail.quotes).toHaveLength(1);
  });

  test('a resting upstream is tried by paid requests only, and one at a time', async () => {
    let isTried = false;
    const breaker = {
      ...closedBreaker,
      allows: () => !isTried && (isTried = true),
    };
    const paid = Promise.withResolvers<void>();
    const rail = railWith(RICH);
    const unpaid = { ...rail, accept: () => undefined };
    const slow: typeof rail = {
      ...rail,
      accept: (credentials, quote, gone) =>
        paid.promise.then(
          () => rail.accept(credentials, quote, gone) ?? Promise.reject(new Error()),
        ),
    };

    await send([{ upstream: good(), breaker }], unpaid, STREAM).report;
    expect(isTried).toBe(false);
    const [first, second] = [1, 2].map(() => send([{ upstream: good(), breaker }], slow, STREAM));
    paid.resolve();

    expect((await first?.report)?.error).toBeUndefined();
    expect(await second?.report).toMatchObject({ charge: 0n, error: { code: 'no_upstream' } });
  });

  test('the breaker hears how it went', async () => {
    const told: string[] = [];
    const breaker = {
      ...closedBreaker,
      succeeded: () => void told.push('succeeded'),
      failed: ({ kind }: UpstreamFailure) => void told.push(kind),
    };
    const scripts: Parameters<typeof scripted>[0][] = [
      async ({ push }) => push(delta('a') + finish() + DONE),
      async ({ push }) => push(delta('a')),
      async ({ push }) => push('data: {"error":{"message":"no"}}\n\n'),
      refuses(503),
    ];

    for (const script of scripts) {
      await send([{ upstream: scripted(script), breaker }], railWith(RICH), STREAM).report;
    }

    expect(told).toEqual(['succeeded', 'broken', 'protocol', 'status']);
  });

  test('the cheapest is asked first, the dearest is held, the one that answers is charged', async () => {
    const dear = { models: [configured('m', { price: { ...TEN_TWENTY, output: '90000' } })] };
    const fails = scripted(refuses(500));
    const rail = railWith(RICH);

    const { report } = send([{ upstream: good(), ...dear }, { upstream: fails }], rail, {
      ...STREAM,
      max_tokens: 100,
    });

    expect(await report).toMatchObject({ provider: 'a', charge: 9n * 10n + 90n });
    expect(fails.requests).toHaveLength(1);
    expect(rail.quotes[0]?.snapshot.outputPmsat).toBe(90_000_000_000_000n);
  });

  test.each([
    [
      400,
      {
        error: { message: 'context too long', code: 'context_length_exceeded', param: 'messages' },
      },
    ],
    [413, {}],
    [422, { detail: [{ msg: 'bad field' }] }],
    [404, { error: { message: 'no such file', param: 'messages[0].content' } }],
  ])(
    'a refusal of the request itself (%i) ends at once and costs nothing',
    async (status, body) => {
      const [refusing, next, rail] = [scripted(refuses(status, body)), good(), railWith(RICH)];

      const { sink, report } = send([refusing, next], rail, STREAM);

      expect(await report).toMatchObject({
        charge: 0n,
        error: { code: 'upstream_rejected', status },
      });
      expect(next.requests).toEqual([]);
      expect(rail.ends).toEqual([{ charge: 0n, payerGone: false, error: 'upstream_rejected' }]);
      expect(sink.settlement?.change).toBeDefined();
    },
  );

  test('a refusal tells what the upstream said, without what is private', async () => {
    const said = {
      error: { message: 'too long for org-a1b2c3d4e5', code: 'context_length_exceeded' },
    };

    const { report } = send([scripted(refuses(400, said))], railWith(RICH), STREAM);

    const { error } = await report;
    expect(error?.message).toBe('The upstream refused the request: too long for ***');
    expect(error?.fields).toEqual({
      upstream_error: { type: null, code: 'context_length_exceeded' },
    });
  });

  test('when all fail the payer is told who was asked, and pays nothing', async () => {
    const waits = new UpstreamFailure('status', 'busy', { status: 429, retryAfterS: 7 });
    const rail = railWith(RICH);

    const { sink, report } = send([scripted(refuses(500)), scripted(waits)], rail, STREAM);

    const { error, charge } = await report;
    expect(charge).toBe(0n);
    expect(error).toMatchObject({ code: 'upstream_unavailable', status: 502, retryAfterS: 7 });
    expect(error?.message).toBe('No upstream could answer. Tried: a (status 500), b (status 429).');
    expect(sink.settlement?.change).toBeDefined();
  });

  test('when all are late it is a timeout', async () => {
    const late = scripted(new UpstreamFailure('timeout', 'late'));

    const { report } = send([late, late], railWith(RICH), STREAM);

    expect((await report).error).toMatchObject({ code: 'upstream_timeout', status: 504 });
  });
});

describe('a stream that breaks off', () => {
  test.each([
    ['is reset', new UpstreamFailure('broken', 'reset')],
    ['falls silent', new UpstreamFailure('timeout', 'idle')],
  ])(
    'because it %s is charged for what was sent; no other upstream is asked',
    async (_title, fault) => {
      const upstream = scripted(async ({ push }) => {
        await push(delta('one two'));
        throw fault;
      });
      const next = scripted(refuses(500));
      const rail = railWith(RICH);

      const { sink, report } = send([upstream, next], rail, STREAM);

      expect(await report).toMatchObject({
        charge: OWN_INPUT_MSAT + 40n,
        error: { code: 'upstream_broke_stream' },
      });
      expect(next.requests).toEqual([]);
      expect(rail.ends).toMatchObject([{ payerGone: false, error: 'upstream_broke_stream' }]);
      const [text, cost, error, done] = eventsOf(sink.text);
      expect(`${text}\n\n`).toBe(delta('one two'));
      expect(JSON.parse((cost ?? '').slice(6))).toMatchObject({
        choices: [],
        x_cashu: 'cashuBchange',
      });
      expect(JSON.parse((error ?? '').slice(6))).toMatchObject({
        error: { code: 'upstream_broke_stream', type: 'upstream_error' },
      });
      expect(done).toBe('data: [DONE]');
    },
  );

  test.each([
    ['a role', { role: 'assistant' }],
    ['an empty text', { content: '' }],
  ])('after no more than %s costs nothing', async (_title, first) => {
    const upstream = scripted(async ({ push }) => {
      await push(event({ choices: [{ index: 0, delta: first, finish_reason: null }] }));
      throw new UpstreamFailure('broken', 'reset');
    });
    const rail = railWith(RICH);

    const { report } = send([upstream], rail, STREAM);

    expect(await report).toMatchObject({ charge: 0n, error: { code: 'upstream_broke_stream' } });
    expect(rail.ends).toMatchObject([{ charge: 0n }]);
  });

  test('by an error event tells it in our shape', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two'));
      await push('data: {"error":{"message":"overloaded, key sk-abcdef123456"}}\n\n');
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).charge).toBe(OWN_INPUT_MSAT + 40n);
    expect(lastEvent(sink.text)).toMatchObject({
      error: { message: 'The upstream broke off its answer: overloaded, key ***' },
    });
  });

  test('by ending without a finish reason is an error', async () => {
    const upstream = scripted(async ({ push }) => push(delta('one two')));

    const { report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).error?.code).toBe('upstream_broke_stream');
  });

  test('by garbage is an error, and the garbage is not sent', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two'));
      await push('data: {"choices":"error": [\n\n');
    });

    const { sink, report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).error?.code).toBe('upstream_broke_stream');
    expect(sink.text).not.toContain('"choices":"error"');
  });

  test('because it ignores its limit is cut, and costs what is held', async () => {
    const rail = railWith(20_000n);
    const upstream = scripted(async ({ push }) => {
      for (;;) {
        await push(delta(' word'.repeat(200)));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });

    const { sink, report } = send([upstream], rail, { ...STREAM, max_tokens: 100_000 });

    expect(await report).toMatchObject({
      charge: 20_000n,
      error: { code: 'output_limit_reached' },
    });
    expect(lastEvent(sink.text)).toMatchObject({ error: { code: 'output_limit_reached' } });
  });
});

describe('a payer that leaves', () => {
  test('before it paid is not charged, and no upstream is asked', async () => {
    const upstream = scripted(refuses(500));
    const rail = railWith(RICH);
    const paid = Promise.withResolvers<void>();
    const slow: typeof rail = {
      ...rail,
      accept: (credentials, quote, gone) =>
        paid.promise.then(
          () => rail.accept(credentials, quote, gone) ?? Promise.reject(new Error()),
        ),
    };

    const { gone, report } = send([upstream], slow, STREAM);
    gone.cancel();
    paid.resolve();

    expect(await report).toMatchObject({ charge: 0n, payerGone: true });
    expect(rail.ends).toEqual([{ charge: 0n, payerGone: true, error: undefined }]);
    expect(upstream.requests).toEqual([]);
  });

  test.each([true, false])(
    'before the first chunk (stream: %s) pays the input, and the upstream is closed at once (P3)',
    async (stream) => {
      const sent = Promise.withResolvers<void>();
      let isClosed = false;
      const upstream = scripted(async ({ closed }) => {
        sent.resolve();
        await closed;
        isClosed = true;
      });
      const next = scripted(refuses(500));
      const rail = railWith(RICH);

      const { gone, report } = send([upstream, next], rail, { stream });
      await sent.promise;
      gone.cancel();

      expect(await report).toMatchObject({ charge: OWN_INPUT_MSAT, payerGone: true });
      expect(isClosed).toBe(true);
      expect(next.requests).toEqual([]);
      expect(rail.ends).toEqual([{ charge: OWN_INPUT_MSAT, payerGone: true, error: undefined }]);
    },
  );

  test('after k chunks pays the input and what it was sent', async () => {
    const upstream = scripted(async ({ push, closed }) => {
      await push(delta('one two'));
      await push(delta(' three'));
      await closed;
    });
    const rail = railWith(RICH);

    const { gone, sink, report } = send([upstream], rail, STREAM);
    await expect.poll(() => sink.text).toContain('three');
    gone.cancel();

    expect(await report).toMatchObject({ charge: OWN_INPUT_MSAT + 60n, payerGone: true });
    expect(rail.ends).toHaveLength(1);
  });

  test('after the finish reason pays what the upstream says within its time (P5)', async () => {
    const left = Promise.withResolvers<void>();
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two') + finish());
      await left.promise;
      await push(usage(9, 500) + DONE);
    });

    const { gone, sink, report } = send([upstream], railWith(RICH), STREAM);
    await expect.poll(() => sink.text).toContain('stop');
    gone.cancel();
    left.resolve();

    expect(await report).toMatchObject({ charge: 90n + 500n * 20n, payerGone: true });
  });

  test('after the finish reason pays our own count when the upstream does not tell in time', async () => {
    const upstream = scripted(async ({ push, closed }) => {
      await push(delta('one two') + finish());
      await closed;
    });

    const { gone, sink, report } = send([upstream], railWith(RICH), STREAM);
    await expect.poll(() => sink.text).toContain('stop');
    gone.cancel();

    expect(await report).toMatchObject({ charge: OWN_INPUT_MSAT + 40n, payerGone: true });
  });

  test.each([true, false])(
    'pays only the input (stream: %s) when it was sent nothing, also of a provider that is read to the end',
    async (stream) => {
      const left = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      const upstream = scripted(
        async ({ push }) => {
          started.resolve();
          await left.promise;
          if (stream) await push(delta('a') + finish() + usage(9, 700) + DONE);
          else await push(completion('a', { prompt_tokens: 9, completion_tokens: 700 }));
        },
        { onPayerGone: 'drain' },
      );

      const { gone, report } = send([upstream], railWith(RICH), { stream });
      await started.promise;
      gone.cancel();
      left.resolve();

      expect(await report).toMatchObject({
        charge: stream ? OWN_INPUT_MSAT : 90n,
        payerGone: true,
      });
    },
  );

  test('pays what it was sent of a provider that is read to the end', async () => {
    const left = Promise.withResolvers<void>();
    const upstream = scripted(
      async ({ push }) => {
        await push(delta('one two'));
        await left.promise;
        await push(delta('never heard') + finish() + usage(9, 700) + DONE);
      },
      { onPayerGone: 'drain' },
    );

    const { gone, sink, report } = send([upstream], railWith(RICH), STREAM);
    await expect.poll(() => sink.text).toContain('two');
    gone.cancel();
    left.resolve();

    expect(await report).toMatchObject({ charge: OWN_INPUT_MSAT + 40n, payerGone: true });
  });

  test('does not keep a provider that bills in full open for ever', async () => {
    const started = Promise.withResolvers<void>();
    const upstream = scripted(
      async ({ closed }) => {
        started.resolve();
        await closed;
      },
      { onPayerGone: 'drain' },
    );
    const limits = { meterMs: 10, usageMs: 10, drainMs: 20, answerBytes: 1_000 };

    const { gone, report } = send([upstream], railWith(RICH), STREAM, { limits });
    await started.promise;
    gone.cancel();

    expect((await report).charge).toBe(OWN_INPUT_MSAT);
  });

  test('while it does not read frees the upstream', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one'));
      await push(delta('never'));
    });
    const asked = send([upstream], railWith(RICH), STREAM);
    asked.sink.full = new Promise((resolve) => void asked.gone.onCancel(resolve));

    await expect.poll(() => asked.sink.text).toContain('one');
    asked.gone.cancel();

    expect((await asked.report).charge).toBe(OWN_INPUT_MSAT + 20n);
  });
});

describe('payment', () => {
  test('nothing is asked of a rail for what is refused anyway', async () => {
    const rail = railWith(RICH);
    const bodies = [{ model: 'unknown' }, { messages: 'no' }, { max_tokens: -1 }, { n: 1e6 }];

    const codes = await Promise.all(
      bodies.map(
        async (body) => (await send([scripted(refuses(500))], rail, body).report).error?.code,
      ),
    );

    expect(codes).toEqual([
      'model_not_found',
      'invalid_request',
      'invalid_request',
      'invalid_request',
    ]);
    expect(rail.quotes).toEqual([]);
  });

  test('a request without payment gets every challenge, in order, and the price', async () => {
    const challenge = (headers: [string, string][], fields: object) => ({
      ...railWith(0n),
      accept: () => undefined,
      challenge: async () => ({ headers, fields: { ...fields } }),
    });
    const rails = [
      challenge([['www-authenticate', 'L402 a']], { lightning: 1 }),
      challenge(
        [
          ['www-authenticate', 'Payment b'],
          ['x-cashu', 'creqA'],
        ],
        { cashu: 2 },
      ),
    ];

    const { report } = send([scripted(refuses(500))], railWith(0n), { max_tokens: 10 }, { rails });

    const { error } = await report;
    expect(error).toMatchObject({ code: 'payment_required', status: 402 });
    expect(error?.headers).toEqual({
      'cache-control': 'no-store',
      'www-authenticate': ['L402 a', 'Payment b'],
      'x-cashu': ['creqA'],
    });
    expect(error?.fields).toMatchObject({
      lightning: 1,
      cashu: 2,
      price: { unit: 'sat', model: 'm' },
    });
    const price = error?.fields['price'] as { amount: number; max_msat: number };
    expect(price.amount).toBe(Math.ceil(price.max_msat / 1_000));
  });

  test('a rail that wants more money speaks beside the challenges, and its headers stay', async () => {
    const rail = railWith(0n);
    const poor: typeof rail = {
      ...rail,
      accept: () =>
        Promise.reject(
          new RouterError('insufficient_balance', 'more', { headers: { 'x-cashu': 'cashuBback' } }),
        ),
    };

    const { error } = await send([scripted(refuses(500))], poor, {}).report;

    expect(error).toMatchObject({ code: 'insufficient_balance', status: 402 });
    expect(error?.headers['x-cashu']).toBe('cashuBback');
    expect(error?.fields).toMatchObject({ fake: true, price: { model: 'm' } });
  });

  test('other refusals of a rail stay as they are', async () => {
    const rail = railWith(0n);
    const away: typeof rail = {
      ...rail,
      accept: () => Promise.reject(new RouterError('cashu_mint_unreachable', 'away')),
    };

    const { error } = await send([scripted(refuses(500))], away, {}).report;

    expect(error).toMatchObject({ code: 'cashu_mint_unreachable', status: 503, fields: {} });
  });

  test('a settlement that fails ends the answer with an error, and the payer is not left waiting', async () => {
    const upstream = scripted(async ({ push }) => push(delta('a') + finish() + DONE));
    const rail = railWith(RICH, { settle: () => Promise.reject(new Error('disk full')) });

    const { sink, report } = send([upstream], rail, STREAM);

    expect((await report).error?.code).toBe('internal_error');
    expect(sink.isEnded).toBe(true);
    expect(sink.error?.message).not.toContain('disk');
  });

  test('a fault of our own after the payment is settled all the same', async () => {
    const rail = railWith(RICH);
    const upstream = {
      ...scripted(refuses(500)),
      send: () => Promise.reject(new TypeError('bug')),
    };

    const { sink, report } = send([upstream], rail, STREAM);

    expect((await report).error?.code).toBe('internal_error');
    expect(rail.ends).toEqual([{ charge: 0n, payerGone: false, error: 'internal_error' }]);
    expect(sink.settlement?.change).toBeDefined();
  });
});
