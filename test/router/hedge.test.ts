import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Routing } from '../../src/router/routing.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import {
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
import type { ScriptedUpstream, Stage } from './fakes.ts';
import { configured, TEN_TWENTY } from './market.ts';

const RICH = 10_000_000n;
const STREAM = { stream: true };
const LATE_MS = 15;
const OWN_INPUT_MSAT = 90n;

/** Knows of `a` that its first chunk nearly always comes within 5 ms. */
function hedging(more: Parameters<typeof firstOfEquals>[0] = {}): Routing {
  const routing = firstOfEquals({ hedge: true, hedgeMinMs: LATE_MS, ...more });
  for (let count = 0; count < 20; count += 1) {
    routing.tracks.answered('a', 'm', { firstByteMs: 5, tokens: 100, tokensMs: 100 });
  }
  return routing;
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const answer = async ({ push }: Stage, text: string): Promise<void> => {
  await push(delta(text));
  await push(finish() + usage(9, 1) + DONE);
};
const good = (text: string, delayMs = 0) =>
  scripted(async (stage) => {
    await after(delayMs);
    await answer(stage, text);
  });
const sentTo = (upstreams: readonly ScriptedUpstream[]): readonly number[] =>
  upstreams.map(({ requests }) => requests.length);

/** Says nothing until its connection is closed. */
function silent(): ScriptedUpstream & { readonly closed: Promise<void> } {
  const seen = Promise.withResolvers<void>();
  const upstream = scripted(async ({ closed }) => {
    await closed;
    seen.resolve();
  });
  return { ...upstream, closed: seen.promise };
}

describe('a first chunk that is late', () => {
  test('is not waited for: the next upstream answers, the first is closed, and one is paid', async () => {
    const [first, second, third, rail] = [silent(), good('second'), good('third'), railWith(RICH)];
    const dear = { models: [configured('m', { price: { ...TEN_TWENTY, output: '30000' } })] };
    const routing = hedging();

    const { sink, report } = send([first, { upstream: second, ...dear }, third], rail, STREAM, {
      routing,
    });

    expect(await report).toMatchObject({
      provider: 'c',
      charge: 110n,
      attempts: [
        { provider: 'a', failure: 'slower' },
        { provider: 'c', failure: undefined },
      ],
      error: undefined,
    });
    await first.closed;
    expect(sink.text.startsWith(delta('third'))).toBe(true);
    expect(sink.headers).toMatchObject({
      'x-nutroute-provider': 'c',
      'x-nutroute-route-reason': 'hedge',
    });
    expect(rail.ends).toEqual([{ charge: 110n, payerGone: false, error: undefined }]);
    expect(sentTo([first, second, third])).toEqual([1, 0, 1]);
  });

  test('that comes before the second one wins; nothing of the second is sent', async () => {
    const [first, second] = [good('first', 3 * LATE_MS), silent()];

    const { sink, report } = send([first, second], railWith(RICH), STREAM, { routing: hedging() });

    expect(await report).toMatchObject({
      provider: 'a',
      attempts: [
        { provider: 'b', failure: 'slower' },
        { provider: 'a', failure: undefined },
      ],
    });
    await second.closed;
    expect(sink.headers['x-nutroute-route-reason']).toBe('score');
    expect(sink.text.startsWith(delta('first'))).toBe(true);
  });

  test('is closed when the second one speaks, not only when that has ended', async () => {
    const first = silent();
    const second = scripted(async (stage) => {
      await stage.push(delta('second'));
      await first.closed;
      await stage.push(finish() + usage(9, 1) + DONE);
    });

    const { report } = send([first, second], railWith(RICH), STREAM, { routing: hedging() });

    expect(await report).toMatchObject({ provider: 'b', error: undefined });
  });

  test('teaches that it was late, and nothing else', async () => {
    const routing = hedging();
    const before = routing.tracks.of('a', 'm')?.success ?? 0;

    await send([silent(), good('b')], railWith(RICH), STREAM, { routing }).report;

    const track = routing.tracks.of('a', 'm');
    expect(track?.firstByteMs).toBeGreaterThan(5);
    expect(track?.success).toBeCloseTo(before, 5);
    expect(track?.running).toBe(0);
  });

  test('of an upstream that is slow to close, too, keeps nobody waiting', async () => {
    const stuck = {
      ...scripted(async () => undefined),
      send: () => new Promise<never>(() => undefined),
    };

    const { sink, report } = send([stuck, good('b')], railWith(RICH), STREAM, {
      routing: hedging(),
    });

    expect((await report).provider).toBe('b');
    expect(sink.isEnded).toBe(true);
  });

  test('and the loser has half an event left when it ends: nothing of it is sent', async () => {
    const deaf: ScriptedUpstream = {
      ...scripted(async () => undefined),
      send: async (_request, cancel) => ({
        kind: 'stream',
        headers: {},
        async relay(onChunk) {
          await onChunk(Buffer.from(delta('loser').trimEnd()));
          await new Promise<void>((resolve) => void cancel.onCancel(resolve));
        },
      }),
    };
    const second = scripted(async (stage) => {
      await stage.push(delta('winner'));
      await after(LATE_MS);
      await stage.push(finish() + usage(9, 1) + DONE);
    });

    const { sink, report } = send([deaf, second], railWith(RICH), STREAM, { routing: hedging() });

    expect((await report).provider).toBe('b');
    expect(sink.text).toContain('winner');
    expect(sink.text).not.toContain('loser');
  });

  test('and the second fails: the first is waited for', async () => {
    const [first, second, third] = [
      good('first', 4 * LATE_MS),
      scripted(refuses(500)),
      good('third'),
    ];

    const { report } = send([first, second, third], railWith(RICH), STREAM, { routing: hedging() });

    expect(await report).toMatchObject({
      provider: 'a',
      attempts: [
        { provider: 'b', failure: 'status 500' },
        { provider: 'a', failure: undefined },
      ],
    });
    expect(third.requests).toEqual([]);
  });

  test('and both fail: others follow, one at a time', async () => {
    const dies = scripted(async () => {
      await after(3 * LATE_MS);
      throw new UpstreamFailure('broken', 'reset');
    });
    const upstreams = [dies, scripted(refuses(500)), good('third', 3 * LATE_MS), good('fourth')];
    const routing = hedging();
    for (let count = 0; count < 20; count += 1) {
      routing.tracks.answered('c', 'm', { firstByteMs: 6, tokens: 100, tokensMs: 100 });
    }

    const { sink, report } = send(upstreams, railWith(RICH), STREAM, { routing });

    const { provider, attempts } = await report;
    expect(provider).toBe('c');
    expect(attempts.map((one) => one.failure)).toContain('broken');
    expect(sink.text.startsWith(delta('third'))).toBe(true);
    expect(upstreams.at(3)?.requests).toEqual([]);
  });

  test('and the second refuses the request: the payer hears it, the first is closed', async () => {
    const first = silent();

    const { report } = send([first, scripted(refuses(400))], railWith(RICH), STREAM, {
      routing: hedging(),
    });

    expect(await report).toMatchObject({ charge: 0n, error: { code: 'upstream_rejected' } });
    await first.closed;
  });

  test('and a fault of our own in the second: it is settled all the same', async () => {
    const first = silent();
    const broken = { ...good('b'), send: () => Promise.reject(new TypeError('bug')) };
    const rail = railWith(RICH);

    const { report } = send([first, broken], rail, STREAM, { routing: hedging() });

    expect((await report).error?.code).toBe('internal_error');
    expect(rail.ends).toMatchObject([{ charge: 0n }]);
    await first.closed;
  });

  test('and the payer leaves: both are closed, the input is paid once', async () => {
    const [first, second, rail] = [silent(), silent(), railWith(RICH)];
    const { gone, report } = send([first, second], rail, STREAM, { routing: hedging() });

    await expect.poll(() => second.requests.length).toBe(1);
    gone.cancel();

    expect(await report).toMatchObject({ charge: OWN_INPUT_MSAT, payerGone: true });
    expect(rail.ends).toEqual([{ charge: OWN_INPUT_MSAT, payerGone: true, error: undefined }]);
    await Promise.all([first.closed, second.closed]);
  });
});

test('payers that leave once the second is asked teach that the first is late, or two would be asked for ever', async () => {
  const routing = hedging();
  const leavesAfter = async (ms: number): Promise<number> => {
    const [first, second] = [silent(), silent()];
    const { gone, report } = send([first, second], railWith(RICH), STREAM, { routing });
    await after(ms);
    gone.cancel();
    await report;
    return second.requests.length;
  };

  for (let round = 0; round < 4; round += 1) await leavesAfter(6 * LATE_MS);

  expect(await leavesAfter(3 * LATE_MS)).toBe(0);
  expect(routing.tracks.of('a', 'm')).toMatchObject({ running: 0 });
});

describe('no second upstream is asked', () => {
  const asked = async (routing: Routing, body: object = STREAM, count = 2) => {
    const slow = scripted(async (stage) => {
      await after(4 * LATE_MS);
      if (stage.body['stream'] === true) await answer(stage, 'slow');
      else await stage.push(JSON.stringify({ choices: [{ index: 0, message: { content: 'x' } }] }));
    });
    const others = Array.from({ length: count - 1 }, () => good('other'));
    await send([slow, ...others], railWith(RICH), body, { routing }).report;
    return [slow.requests.length, ...sentTo(others)];
  };

  test('unless the operator wants it', async () => {
    expect(await asked(hedging({ hedge: false }))).toEqual([1, 0]);
    expect(await asked(hedging())).toEqual([1, 1]);
  });

  test('while too little is known of the first', async () => {
    expect(await asked(firstOfEquals({ hedge: true, hedgeMinMs: 1 }))).toEqual([1, 0]);
  });

  test('sooner than is usual for the first, or than the least time', async () => {
    const usuallySlow = firstOfEquals({ hedge: true, hedgeMinMs: 1 });
    for (let count = 0; count < 20; count += 1) {
      usuallySlow.tracks.answered('a', 'm', { firstByteMs: 500, tokens: 0, tokensMs: 0 });
    }

    expect(await asked(usuallySlow)).toEqual([1, 0]);
    expect(await asked(hedging({ hedgeMinMs: 500 }))).toEqual([1, 0]);
  });

  test('when the first has failed at once, and the next is late', async () => {
    const routing = hedging();
    for (let count = 0; count < 20; count += 1) {
      routing.tracks.answered('b', 'm', { firstByteMs: 6, tokens: 100, tokensMs: 100 });
    }
    const upstreams = [scripted(refuses(500)), good('second', 4 * LATE_MS), good('third')];

    const { report } = send(upstreams, railWith(RICH), STREAM, { routing });

    expect((await report).provider).toBe('b');
    expect(sentTo(upstreams)).toEqual([1, 1, 0]);
  });

  test('for an answer in one piece', async () => {
    expect(await asked(hedging(), { stream: false })).toEqual([1, 0]);
  });

  test('where there is none, or the tries are used up', async () => {
    expect(await asked(hedging(), STREAM, 1)).toEqual([1]);
    expect(await asked(hedging({ maxAttempts: 1 }))).toEqual([1, 0]);
  });

  test('by a request that prefers the first alone', async () => {
    const provider = { only: ['a', 'b'], allow_fallbacks: false };

    expect(await asked(hedging(), { ...STREAM, provider })).toEqual([1, 0]);
  });
});

test('whatever comes when, the payer reads one whole answer and pays it once', async () => {
  const anyScript = fc.tuple(
    fc.constantFrom('good', 'good', 'fails', 'breaks', 'silent'),
    fc.constantFrom(0, LATE_MS - 1, LATE_MS, LATE_MS + 1, 2 * LATE_MS),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyScript, { minLength: 2, maxLength: 4 }), async (scripts) => {
      const upstreams = scripts.map(([what, delayMs], index) =>
        scripted(async (stage) => {
          if (what === 'silent') return stage.closed;
          await after(delayMs);
          if (what === 'fails') throw new UpstreamFailure('broken', 'reset');
          if (what === 'breaks') await stage.push(delta(`from-${index}`));
          else await answer(stage, `from-${index}`);
        }),
      );
      // A last one that answers, so that silence ends.
      const rail = railWith(RICH);
      const { gone, sink, report } = send([...upstreams, good('from-last')], rail, STREAM, {
        routing: hedging({ maxAttempts: 8 }),
      });
      const patience = setTimeout(() => gone.cancel(), 300);
      const { charge } = await report;
      clearTimeout(patience);

      expect(rail.ends).toHaveLength(1);
      expect(rail.ends[0]?.charge).toBe(charge);
      expect(charge).toBeLessThanOrEqual(110n);
      const heard = new Set(sink.text.match(/from-\w+/g));
      expect(heard.size).toBeLessThanOrEqual(1);
      expect(sentTo(upstreams).every((count) => count <= 1)).toBe(true);
    }),
    { numRuns: 25 },
  );
});
