import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { createBreaker } from '../../src/upstream/breaker.ts';
import type { Breaker } from '../../src/upstream/breaker.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import {
  completion,
  delta,
  DONE,
  finish,
  firstOfEquals,
  railWith,
  refuses,
  scripted,
  send,
  usage,
} from './fakes.ts';
import type { ScriptedUpstream } from './fakes.ts';
import { closedBreaker, configured, TEN_TWENTY } from './market.ts';
import { buyingWith } from './offers.ts';

const RICH = 10_000_000n;
const STREAM = { stream: true };
const good = (text = 'good') =>
  scripted(async ({ push }) => push(delta(text) + finish() + usage(9, 1) + DONE));
const bought = (upstream: ScriptedUpstream, affordable = () => RICH): ScriptedUpstream => ({
  ...upstream,
  buying: buyingWith(affordable),
});
const refused = (status: number, error: object, retryAfterS?: number): UpstreamFailure =>
  new UpstreamFailure('status', `status ${status}`, {
    status,
    body: { error },
    ...(retryAfterS !== undefined && { retryAfterS }),
  });
const sentTo = (upstreams: readonly ScriptedUpstream[]): readonly number[] =>
  upstreams.map(({ requests }) => requests.length);

describe('how many are tried', () => {
  test('no more than four, or what the operator says', async () => {
    const down = () => Array.from({ length: 6 }, () => scripted(refuses(500)));
    const [four, two] = [down(), down()];

    const { report } = send(four, railWith(RICH), STREAM);
    await send(two, railWith(RICH), STREAM, { routing: firstOfEquals({ maxAttempts: 2 }) }).report;

    expect((await report).attempts).toHaveLength(4);
    expect(sentTo(four)).toEqual([1, 1, 1, 1, 0, 0]);
    expect(sentTo(two)).toEqual([1, 1, 0, 0, 0, 0]);
  });

  test('no more than three nodes that are paid, then others', async () => {
    const nodes = Array.from({ length: 4 }, () => bought(scripted(refuses(500))));
    const own = good();
    const dear = { models: [configured('m', { price: { ...TEN_TWENTY, output: '90000' } })] };

    const { report } = send([...nodes, { upstream: own, ...dear }], railWith(RICH), STREAM);

    expect(await report).toMatchObject({ provider: 'e', error: undefined });
    expect(sentTo([...nodes, own])).toEqual([1, 1, 1, 0, 1]);
  });

  test('not counting those to which nothing was sent, for lack of our money there', async () => {
    const routing = firstOfEquals({ maxAttempts: 2 });
    const poor = () => bought(scripted(new UpstreamFailure('unaffordable', 'over its cap')));
    const upstreams = [poor(), poor(), poor(), poor(), bought(scripted(refuses(500))), good()];

    const { report } = send(upstreams, railWith(RICH), STREAM, { routing });
    const alone = send([poor()], railWith(RICH), STREAM);

    expect(await report).toMatchObject({
      provider: 'f',
      attempts: [
        { provider: 'e', failure: 'status 500' },
        { provider: 'f', failure: undefined },
      ],
    });
    expect(routing.tracks.of('a', 'm')).toMatchObject({ running: 0, success: 0.8 });
    expect((await alone.report).error).toMatchObject({
      code: 'upstream_unavailable',
      fields: { tried: [{ provider: 'a', failure: 'over its cap' }] },
    });
  });

  test('only the one that the request is pinned to', async () => {
    const upstreams = [good(), scripted(refuses(500)), good()];
    const rail = railWith(RICH);
    const headers = { 'x-nutroute-provider': 'b' };

    const { report } = send(upstreams, rail, STREAM, { headers });

    expect((await report).error).toMatchObject({ code: 'upstream_unavailable' });
    expect(sentTo(upstreams)).toEqual([0, 1, 0]);
    expect(rail.ends).toMatchObject([{ charge: 0n }]);
  });
});

describe('who shows signs of life, but answers nothing', () => {
  const idling = (text: string) =>
    scripted(async ({ push, cancel }) => {
      while (!cancel.cancelled) {
        await push(text);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  const timeouts = { firstByteMs: 20, answerMs: 40 };

  test.each([
    ['a node with comments', true, ': processing\n\n', STREAM],
    ['an own upstream with comments', false, ': processing\n\n', STREAM],
    ['a node with spaces', true, ' ', {}],
  ])('is followed by the next in time: %s', async (_title, isBought, text, body) => {
    const idle = isBought ? bought(idling(text)) : idling(text);
    const other = 'stream' in body ? good() : scripted(({ push }) => push(completion('good')));

    const { report } = send([{ upstream: idle, timeouts }, other], railWith(RICH), body);

    expect(await report).toMatchObject({
      provider: 'b',
      attempts: [
        { provider: 'a', failure: 'timeout' },
        { provider: 'b', failure: undefined },
      ],
    });
  });

  test('has as long as it likes once it has begun', async () => {
    const slow = scripted(async ({ push }) => {
      await push(delta('one'));
      await new Promise((resolve) => setTimeout(resolve, 80));
      await push(finish() + usage(9, 1) + DONE);
    });

    const { report } = send([{ upstream: bought(slow), timeouts }], railWith(RICH), STREAM);

    expect(await report).toMatchObject({ provider: 'a', error: undefined });
  });
});

describe('the margin', () => {
  const cheap = { markup: '0.5', belowCost: false };

  test('is never below zero: such an offer is passed over', async () => {
    const [below, other] = [good(), good()];

    const { report } = send([{ upstream: below, ...cheap }, other], railWith(RICH), STREAM);
    const alone = send([{ upstream: below, ...cheap }], railWith(RICH), STREAM);

    expect(await report).toMatchObject({ provider: 'b', error: undefined });
    expect((await alone.report).error).toMatchObject({
      code: 'upstream_unavailable',
      fields: { tried: [{ provider: 'a', failure: 'below cost' }] },
    });
    expect(below.requests).toEqual([]);
  });

  test('may be, where the operator says so', async () => {
    const { report } = send(
      [{ upstream: good(), ...cheap, belowCost: true }],
      railWith(RICH),
      STREAM,
    );

    expect(await report).toMatchObject({ provider: 'a', charge: 55n });
  });
});

describe('an answer that is bought', () => {
  /** The prompt is at most some 600 tokens, at 10 msat; of the answer each costs 20. */
  const sent = async (affordable: bigint, body: object) => {
    const upstream = bought(good(), () => affordable);
    const asked = send([upstream], railWith(RICH), { ...STREAM, ...body });
    const { error } = await asked.report;
    return { request: upstream.requests[0], headers: asked.sink.headers, error };
  };

  test('reserves what it can cost at most, at the prices of the node', async () => {
    const upstream = bought(good());
    const rail = railWith(RICH);
    const body = { ...STREAM, max_tokens: 100 };
    await send([{ upstream, markup: '3' }], rail, body).report;

    const [request] = upstream.requests;
    expect(request).toMatchObject({ model: 'm', hops: 0, json: { max_tokens: 100 } });
    expect((request?.maxCost ?? 0n) * 3n).toBe(rail.quotes[0]?.wanted);
  });

  test('is narrowed to what we can buy, and the payer is told', async () => {
    const whole = await sent(RICH, { max_tokens: 4_000 });
    const affordable = 30_000n;
    const narrow = await sent(affordable, { max_tokens: 4_000 });

    expect(whole.request?.json['max_tokens']).toBe(4_000);
    expect(whole.headers).not.toHaveProperty('x-nutroute-max-tokens');
    const limit = Number(narrow.request?.json['max_tokens']);
    expect(limit).toBeGreaterThan(1_100);
    expect(limit).toBeLessThan(1_200);
    expect(narrow.headers['x-nutroute-max-tokens']).toBe(String(limit));
    expect(narrow.request?.maxCost).toBeLessThanOrEqual(affordable);
    expect(narrow.request?.maxCost).toBeGreaterThan(affordable - 20n);
  });

  test('without a limit of its own gets one that we can buy', async () => {
    const { request, headers } = await sent(30_000n, {});

    expect(Number(request?.json['max_tokens'])).toBeLessThan(1_500);
    expect(headers['x-nutroute-max-tokens']).toBe(String(request?.json['max_tokens']));
  });

  test('is not bought where less than 1,024 tokens of it could be', async () => {
    expect((await sent(20_000n, { max_tokens: 4_000 })).error?.code).toBe('no_upstream');
    expect((await sent(20_000n, { max_tokens: 600 })).error).toBeUndefined();
  });

  test('whose funds are gone when its turn comes is passed over, with the reason', async () => {
    const amounts = [RICH, RICH];
    const upstream = bought(good(), () => amounts.shift() ?? 0n);
    const { report } = send([upstream], railWith(RICH), STREAM);

    expect((await report).error?.fields).toEqual({
      tried: [{ provider: 'a', failure: 'no funds' }],
    });
    expect(upstream.requests).toEqual([]);
  });

  test('is not bought without funds, even where it is free', async () => {
    const amounts = [RICH, RICH];
    const upstream = bought(good(), () => amounts.shift() ?? 0n);
    const models = [configured('m', { price: { unit: 'sat', input: '0', output: '0' } })];
    await send([{ upstream, models }], railWith(RICH), STREAM).report;

    expect(upstream.requests).toEqual([]);
  });

  test.each([
    refuses(401),
    refuses(402),
    refused(400, { code: 'cashu_token_already_spent', message: 'Token already spent' }),
    refused(422, { type: 'mint_error', message: 'foreign mint' }),
    refused(413, { type: 'insufficient_quota', message: 'Insufficient balance' }),
  ])('and the node speaks of our money (%s): the payer hears nothing of it', async (failure) => {
    const rail = railWith(RICH);
    const { report, sink } = send([bought(scripted(failure))], rail, STREAM);

    const { error } = await report;
    expect(error).toMatchObject({ code: 'upstream_unavailable', status: 502 });
    expect(error?.message).toBe('No upstream could answer. Tried: a (not bought).');
    expect(error?.fields).toEqual({ tried: [{ provider: 'a', failure: 'not bought' }] });
    expect(rail.ends).toMatchObject([{ charge: 0n }]);
    expect(sink.settlement?.change).toBeDefined();
  });

  test('and breaks off for our money: the payer hears that it broke off', async () => {
    const upstream = scripted(async ({ push }) => {
      await push(delta('one two'));
      const error = {
        message: 'Insufficient balance: 5 mSats required',
        type: 'insufficient_quota',
      };
      await push(`data: ${JSON.stringify({ error })}\n\n`);
    });

    const { sink, report } = send([bought(upstream)], railWith(RICH), STREAM);

    expect((await report).error?.message).toBe('The upstream broke off its answer');
    expect(sink.text).not.toContain('Insufficient');
  });
});

describe('a node that says the request is at fault', () => {
  const refusing = () => bought(scripted(refused(400, { message: 'I take nothing' })));

  test('is not believed alone: one that refuses everything takes no payer away from the others', async () => {
    const routing = firstOfEquals();
    const [node, other, rail] = [refusing(), bought(good()), railWith(RICH)];

    const { report } = send([node, other], rail, STREAM, { routing });

    expect(await report).toMatchObject({
      provider: 'b',
      error: undefined,
      attempts: [
        { provider: 'a', failure: 'status 400' },
        { provider: 'b', failure: undefined },
      ],
    });
    expect(rail.ends).toHaveLength(1);
    // And it counts as a failure, since somebody took it.
    expect(routing.tracks.of('a', 'm')).toMatchObject({ running: 0 });
    expect(routing.tracks.of('a', 'm')?.success).toBeLessThan(0.8);
  });

  test('is believed when a second says so, or nobody else can tell', async () => {
    const [first, second, third] = [refusing(), refusing(), bought(good())];
    const routing = firstOfEquals();

    const two = send([first, second, third], railWith(RICH), STREAM, { routing });
    const alone = send([refusing()], railWith(RICH), STREAM);
    const others = send([refusing(), bought(scripted(refuses(500)))], railWith(RICH), STREAM);

    for (const { report } of [two, alone, others]) {
      expect(await report).toMatchObject({
        charge: 0n,
        error: {
          code: 'upstream_rejected',
          status: 400,
          message: 'The upstream refused the request: I take nothing',
        },
      });
    }
    expect(sentTo([first, second, third])).toEqual([1, 1, 0]);
    expect(routing.tracks.of('a', 'm')).toMatchObject({ running: 0, success: 0.8 });
  });

  test('because of its length, hides nobody whose room is unknown or smaller', async () => {
    const liar = bought(scripted(refused(400, { code: 'context_length_exceeded' })));
    const models = [configured('m', { context: 1_000_000 })];

    const { report } = send([{ upstream: liar, models }, bought(good())], railWith(RICH), STREAM);

    expect(await report).toMatchObject({ provider: 'b', error: undefined });
  });
});

describe('what is learned', () => {
  const told = () => {
    const words: string[] = [];
    const breaker: Breaker = {
      ...closedBreaker,
      succeeded: () => void words.push('succeeded'),
      failed: ({ kind }) => void words.push(kind),
    };
    return { words, breaker };
  };

  test('a missing model is not asked for again, and its breaker hears of it', async () => {
    const routing = firstOfEquals();
    const { words, breaker } = told();
    const [missing, other] = [scripted(refuses(404)), good()];
    const ask = () =>
      send([{ upstream: missing, breaker }, other], railWith(RICH), STREAM, { routing }).report;

    expect((await ask()).attempts).toHaveLength(2);
    expect((await ask()).attempts).toEqual([{ provider: 'b', failure: undefined }]);
    expect(sentTo([missing, other])).toEqual([1, 2]);
    expect(words).toEqual(['status']);
  });

  test('a mint that is away says nothing about the node', async () => {
    const routing = firstOfEquals();
    const { words, breaker } = told();
    const node = bought(scripted(refused(503, { type: 'mint_unreachable' })));
    const ask = () =>
      send([{ upstream: node, breaker }], railWith(RICH), STREAM, { routing }).report;

    expect((await ask()).error?.code).toBe('upstream_unavailable');
    expect((await ask()).error?.code).toBe('no_upstream');
    expect(words).toEqual([]);
  });

  test('what is cooled while a request is paid for is not tried any more', async () => {
    const routing = firstOfEquals();
    const paid = Promise.withResolvers<void>();
    const rail = railWith(RICH);
    const slow: typeof rail = {
      ...rail,
      accept: (credentials, quote, gone) =>
        paid.promise.then(
          () => rail.accept(credentials, quote, gone) ?? Promise.reject(new Error()),
        ),
    };
    const [first, second] = [good(), good()];

    const { report } = send([first, second], slow, STREAM, { routing });
    const failure = refuses(404);
    routing.cooldowns.failed({ provider: 'a', model: 'm' }, { failure, isBought: true });
    paid.resolve();

    expect((await report).provider).toBe('b');
    expect(first.requests).toEqual([]);
  });

  test('how fast and how reliable each was', async () => {
    const routing = firstOfEquals();
    const track = (provider: string) => routing.tracks.of(provider, 'm');
    await send([scripted(refuses(500)), good()], railWith(RICH), STREAM, { routing }).report;

    expect(track('a')).toMatchObject({ running: 0, firstByteMs: undefined });
    expect(track('a')?.success).toBeLessThan(0.8);
    expect(track('b')).toMatchObject({ running: 0 });
    expect(track('b')?.firstByteMs).toBeLessThan(1_000);
    expect(track('b')?.success).toBeGreaterThan(0.8);
  });

  test('not how fast one is whose payer reads slowly', async () => {
    const words = 'one two three four five six seven eight nine ten '.repeat(3);
    const ask = async (full: Promise<void> | undefined) => {
      const routing = firstOfEquals();
      const upstream = scripted(async ({ push }) => {
        await push(delta(words));
        await new Promise((resolve) => setTimeout(resolve, 10));
        await push(finish() + usage(9, 30) + DONE);
      });
      const asked = send([upstream], railWith(RICH), STREAM, { routing });
      asked.sink.full = full;
      await asked.report;
      return routing.tracks.of('a', 'm')?.tokensPerS;
    };

    expect(await ask(undefined)).toBeGreaterThan(0);
    expect(await ask(new Promise((resolve) => setTimeout(resolve, 10)))).toBeUndefined();
  });

  test('nothing from what the request or its payer caused', async () => {
    const routing = firstOfEquals();
    await send([scripted(refuses(400))], railWith(RICH), STREAM, { routing }).report;
    const started = Promise.withResolvers<void>();
    const waits = scripted(async ({ closed }) => {
      started.resolve();
      await closed;
    });
    const { gone, report } = send([waits], railWith(RICH), STREAM, { routing });
    await started.promise;
    gone.cancel();
    await report;

    expect(routing.tracks.of('a', 'm')).toMatchObject({ running: 0, success: 0.8 });
  });
});

describe('what an upstream does not take', () => {
  const without = () =>
    scripted(refused(404, { message: 'No endpoints found that support image input', code: 404 }));
  const flagging = () => scripted(refused(403, { message: 'Your input was flagged', code: 403 }));

  test('another one may, and whoever sends it takes the model from nobody', async () => {
    const routing = firstOfEquals();
    const breaker = createBreaker({ clock: systemClock });
    for (let count = 0; count < 6; count += 1) {
      for (const upstream of [without(), flagging()]) {
        const { report } = send([{ upstream, breaker }, good()], railWith(RICH), STREAM, {
          routing,
        });
        expect(await report).toMatchObject({ provider: 'b', error: undefined });
      }
    }

    const { report } = send([{ upstream: good(), breaker }], railWith(RICH), STREAM, { routing });

    expect(await report).toMatchObject({ provider: 'a', error: undefined });
    expect(routing.tracks.of('a', 'm')?.success).toBeGreaterThanOrEqual(0.8);
  });

  test.each([
    [404, without],
    [403, flagging],
  ])('nobody takes: the payer hears why (%i)', async (status, refusing) => {
    const rail = railWith(RICH);

    const { report } = send([refusing(), scripted(refuses(500))], rail, STREAM);

    expect((await report).error).toMatchObject({ code: 'upstream_rejected', status });
    expect(rail.ends).toMatchObject([{ charge: 0n }]);
  });
});

describe('a prompt that is too long', () => {
  const tooLong = () =>
    scripted(refused(400, { message: 'too long', code: 'context_length_exceeded' }));
  const withContext = (upstream: Upstream, context: number | undefined) => ({
    upstream,
    models: [configured('m', { context })],
  });

  test('for one is tried where there is more room', async () => {
    const [small, same, unknown, large] = [tooLong(), good(), good(), good()];
    const { report } = send(
      [
        withContext(small, 8_000),
        withContext(same, 8_000),
        withContext(unknown, undefined),
        withContext(large, 32_000),
      ],
      railWith(RICH),
      STREAM,
    );

    expect(await report).toMatchObject({ provider: 'd', error: undefined });
    expect(sentTo([small, same, unknown, large])).toEqual([1, 0, 0, 1]);
  });

  test('is refused in the words of the upstream where nobody has more room', async () => {
    const [small, large] = [tooLong(), scripted(refuses(500))];
    const alone = send(
      [withContext(tooLong(), 8_000), withContext(good(), 8_000)],
      railWith(RICH),
      STREAM,
    );
    const both = send(
      [withContext(small, 8_000), withContext(large, 9_000)],
      railWith(RICH),
      STREAM,
    );

    for (const { report } of [alone, both]) {
      expect((await report).error).toMatchObject({
        code: 'upstream_rejected',
        fields: { upstream_error: { code: 'context_length_exceeded' } },
      });
    }
    expect(sentTo([small, large])).toEqual([1, 1]);
  });
});

describe('what the request says about who answers', () => {
  test('stays with us', async () => {
    const upstream = good();
    const body = {
      ...STREAM,
      max_tokens: 10,
      models: ['x'],
      route: 'fallback',
      provider: { only: ['a'] },
    };
    await send([upstream], railWith(RICH), body).report;

    expect(Object.keys(upstream.requests[0]?.json ?? {}).toSorted()).toEqual([
      'max_tokens',
      'messages',
      'model',
      'stream',
      'stream_options',
    ]);
  });

  test('another model answers when the first cannot, by its own name and at its own price', async () => {
    const [first, second] = [scripted(refuses(503)), good()];
    const price = { ...TEN_TWENTY, output: '70000' };
    const models = [configured('n', { upstreamId: 'org/n', price })];
    const rail = railWith(RICH);

    const { report } = send([first, { upstream: second, models }], rail, {
      ...STREAM,
      models: ['unknown', 'n'],
    });

    expect(await report).toMatchObject({ provider: 'b', charge: 9n * 10n + 70n });
    expect(second.requests[0]?.json).toMatchObject({ model: 'org/n' });
    expect(rail.quotes[0]?.snapshot.outputPmsat).toBe(70_000_000_000_000n);
    expect(rail.ends).toHaveLength(1);
  });

  test('a request that nobody may answer is refused before it is paid', async () => {
    const rail = railWith(RICH);
    const { report } = send([good()], rail, { provider: { only: ['x'] } });

    expect((await report).error).toMatchObject({ code: 'no_matching_provider', status: 404 });
    expect(rail.quotes).toEqual([]);
  });
});

describe('the answer tells who gave it and why', () => {
  const reasonOf = async (
    upstreams: Parameters<typeof send>[0],
    body: object,
    headers: Record<string, string> = {},
  ) => {
    const { sink, report } = send(upstreams, railWith(RICH), { ...STREAM, ...body }, { headers });
    await report;
    return [sink.headers['x-nutroute-provider'], sink.headers['x-nutroute-route-reason']];
  };

  test('in a word or two', async () => {
    const down = scripted(refuses(500));

    expect(await reasonOf([good()], {})).toEqual(['a', 'only one']);
    expect(await reasonOf([good(), good()], {})).toEqual(['a', 'score']);
    expect(await reasonOf([down, good()], {})).toEqual(['b', 'failover']);
    expect(await reasonOf([good(), good()], { provider: { order: ['b'] } })).toEqual([
      'b',
      'order',
    ]);
    expect(await reasonOf([good(), good()], { provider: { sort: 'price' } })).toEqual([
      'a',
      'sort price',
    ]);
    expect(await reasonOf([good(), good()], {}, { 'x-routstr-provider': 'b' })).toEqual([
      'b',
      'pinned',
    ]);
  });

  test('also in one piece, and not where nobody answered', async () => {
    const piece = scripted(async ({ push }) => push(completion('a')));

    expect(await reasonOf([piece], { stream: false })).toEqual(['a', 'only one']);
    expect(await reasonOf([scripted(refuses(500))], {})).toEqual([undefined, undefined]);
  });

  test('with the headers of its own upstream only', async () => {
    const saying = (upstream: ScriptedUpstream, name: string): ScriptedUpstream => ({
      ...upstream,
      async send(request, cancel) {
        return { ...(await upstream.send(request, cancel)), headers: { [name]: 'yes' } };
      },
    });
    const empty = scripted(async () => undefined);
    const { sink, report } = send(
      [saying(empty, 'x-bad'), saying(good(), 'x-good')],
      railWith(RICH),
      STREAM,
    );
    await report;

    expect(sink.headers).toMatchObject({ 'x-good': 'yes' });
    expect(sink.headers).not.toHaveProperty('x-bad');
  });
});

describe('whatever the upstreams do', () => {
  const anyScript = fc.constantFrom('good', 'down', 'late', 'empty', 'breaks', 'money', 'refuses');
  const scriptOf = (what: string, name: string): Parameters<typeof scripted>[0] => {
    switch (what) {
      case 'down':
        return refuses(503);
      case 'late':
        return new UpstreamFailure('timeout', 'late');
      case 'money':
        return refuses(402);
      case 'refuses':
        return refuses(400);
      case 'empty':
        return async () => undefined;
      case 'breaks':
        return async ({ push }) => push(delta(name));
      default:
        return async ({ push }) => push(delta(name) + finish() + usage(9, 1) + DONE);
    }
  };

  test('the payer pays once, for no more than it holds, and reads one answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyScript, fc.boolean()), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 8 }),
        async (upstreams, maxAttempts) => {
          const made = upstreams.map(([what, isBought], index) => {
            const upstream = scripted(scriptOf(what, `from-${index}`));
            return isBought ? bought(upstream) : upstream;
          });
          const rail = railWith(RICH);
          const routing = firstOfEquals({ maxAttempts });
          const { sink, report } = send(made, rail, STREAM, { routing });
          const { attempts, charge, error } = await report;

          expect(rail.ends).toHaveLength(1);
          expect(rail.ends[0]?.charge).toBe(charge);
          expect(charge).toBeLessThanOrEqual(rail.quotes[0]?.wanted ?? 0n);
          expect(attempts.length).toBeLessThanOrEqual(maxAttempts);
          expect(sentTo(made).every((count) => count <= 1)).toBe(true);
          const paid = made.filter(
            ({ buying, requests }) => buying !== undefined && requests.length > 0,
          );
          expect(paid.length).toBeLessThanOrEqual(3);
          const heard = made.filter((_, index) => sink.text.includes(`from-${index}`));
          expect(heard).toHaveLength(error === undefined || charge > 0n ? 1 : 0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
