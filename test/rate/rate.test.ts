import { afterEach, expect, test, vi } from 'vitest';

import type { Log } from '../../src/lib/log.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { FetchJson } from '../../src/rate/fetch-json.ts';
import type { RateOptions } from '../../src/rate/rate.ts';
import { createRate } from '../../src/rate/rate.ts';
import { RATE_SOURCES } from '../../src/rate/sources.ts';

const MINUTE_MS = 60_000;

/** Answers as each source really words them. */
const WORDINGS: Record<string, (usd: string) => unknown> = {
  coinbase: (usd) => ({ data: { amount: usd, base: 'BTC', currency: 'USD' } }),
  kraken: (usd) => ({ error: [], result: { XXBTZUSD: { a: ['1', '1', '1'], c: [usd, '0.01'] } } }),
  bitstamp: (usd) => ({ timestamp: '1700000000', high: '1', last: usd, bid: '1' }),
  mempool: (usd) => ({ time: 1_700_000_000, USD: Number(usd), EUR: 1 }),
  coingecko: (usd) => ({ bitcoin: { usd: Number(usd) } }),
};

type Answers = Partial<Record<string, unknown>>;

/** A world in which each source answers what the test says at the moment; others refuse. */
function createWorld() {
  const world = { nowMs: 1_000_000, answers: {} as Answers, asked: 0 };
  const fetchJson: FetchJson = (url) => {
    world.asked += 1;
    const name = RATE_SOURCES.find((source) => source.url === url)?.name ?? expect.fail(url);
    const answer = world.answers[name];
    return answer === undefined ? Promise.reject(new Error('refused')) : Promise.resolve(answer);
  };
  const options: RateOptions = {
    source: 'auto',
    fetchJson,
    clock: { now: () => world.nowMs },
    log: silentLog,
    random: () => 0.5,
  };
  return { world, options };
}

function prices(usd: Partial<Record<string, string>>): Answers {
  return Object.fromEntries(
    Object.entries(usd).map(([name, price]) => [name, WORDINGS[name]?.(price ?? '')]),
  );
}

/** The rate after one round of answers, as USD for a bitcoin. */
async function usdAfter(answers: Answers): Promise<number | undefined> {
  const { world, options } = createWorld();
  world.answers = answers;
  const rate = createRate(options);
  await rate.start();
  rate.stop();
  const current = rate.current();
  return current && Number((10n ** 25n + current.usdPmsat / 2n) / current.usdPmsat) / 100;
}

afterEach(() => {
  vi.useRealTimers();
});

test('every source is understood', async () => {
  for (const [name, word] of Object.entries(WORDINGS)) {
    const partner = name === 'mempool' ? 'coingecko' : 'mempool';
    const answers = { [name]: word('60000.50'), ...prices({ [partner]: '60000.50' }) };

    expect(await usdAfter(answers)).toBe(60_000.5);
  }
  expect(Object.keys(WORDINGS)).toEqual(RATE_SOURCES.map(({ name }) => name));
});

test('the rate is the median of the sources', async () => {
  expect(await usdAfter(prices({ coinbase: '60000', kraken: '60100', mempool: '60300' }))).toBe(
    60_100,
  );
  expect(await usdAfter(prices({ coinbase: '60000', kraken: '60100' }))).toBe(60_050);
});

test('a source that is far from the others does not count', async () => {
  expect(await usdAfter(prices({ coinbase: '60000', kraken: '60200', mempool: '6' }))).toBe(60_100);
  expect(
    await usdAfter(
      prices({ coinbase: '60000', kraken: '60200', bitstamp: '60100', mempool: '90000' }),
    ),
  ).toBe(60_100);
});

test.each([
  ['one source alone', prices({ coinbase: '60000' })],
  ['two sources that disagree', prices({ coinbase: '60000', kraken: '70000' })],
  [
    'three sources of which no two agree',
    prices({ coinbase: '50000', kraken: '60000', mempool: '70000' }),
  ],
  [
    'as many liars as honest sources',
    prices({ coinbase: '10', kraken: '10', bitstamp: '60000', mempool: '60000' }),
  ],
  [
    'two that agree among five',
    prices({
      coinbase: '10',
      kraken: '20',
      bitstamp: '60000',
      mempool: '60000',
      coingecko: '90000',
    }),
  ],
  ['silence', {}],
])('%s: no rate', async (_, answers) => {
  expect(await usdAfter(answers)).toBeUndefined();
});

test('garbage counts as no answer', async () => {
  const garbage = [
    null,
    'x',
    [],
    {},
    { USD: '60000 USD' },
    { USD: -60_000 },
    { USD: 0 },
    { USD: null },
    { USD: 1e300 },
    { USD: { amount: 1 } },
    { USD: [60_000] },
  ];

  for (const mempool of garbage) {
    expect(await usdAfter({ ...prices({ coinbase: '60000' }), mempool })).toBeUndefined();
    expect(await usdAfter({ ...prices({ coinbase: '60000', kraken: '60000' }), mempool })).toBe(
      60_000,
    );
  }
});

test('the rate is rounded up, so that no USD is sold too cheap', async () => {
  const { world, options } = createWorld();
  world.answers = prices({ coinbase: '30000', kraken: '30000' });
  const rate = createRate(options);
  await rate.start();
  rate.stop();

  expect(rate.current()).toEqual({ usdPmsat: 3_333_333_333_333_333_334n, atMs: 1_000_000 });
});

test('a source that never answers holds nobody up', async () => {
  const { world, options } = createWorld();
  world.answers = prices({ coinbase: '60000', kraken: '60000' });
  const silent: FetchJson = (url, signal) =>
    url.includes('mempool')
      ? new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        })
      : options.fetchJson(url, signal);
  const rate = createRate({ ...options, fetchJson: silent, timeoutMs: 20 });

  await rate.start();
  rate.stop();

  expect(rate.current()).toBeDefined();
});

test('a rate is used for 15 minutes and then no more', async () => {
  const { world, options } = createWorld();
  world.answers = prices({ coinbase: '60000', kraken: '60000' });
  const rate = createRate(options);
  await rate.start();
  rate.stop();

  world.nowMs += 15 * MINUTE_MS;
  expect(rate.current()).toBeDefined();
  world.nowMs += 1;
  expect(rate.current()).toBeUndefined();
});

test('it asks again every 60 to 120 seconds, sooner without a rate, and not after it was stopped', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { world, options } = createWorld();
  const rate = createRate(options);
  const asked = async (afterMs: number): Promise<boolean> => {
    world.asked = 0;
    await vi.advanceTimersByTimeAsync(afterMs);
    return world.asked > 0;
  };

  await rate.start();
  expect(rate.current()).toBeUndefined();
  world.answers = prices({ coinbase: '60000', kraken: '60000' });
  expect(await asked(14_999)).toBe(false);
  expect(await asked(1)).toBe(true);
  expect(rate.current()?.atMs).toBe(1_000_000);

  world.nowMs += 90_000;
  expect(await asked(89_999)).toBe(false);
  expect(await asked(1)).toBe(true);
  expect(rate.current()?.atMs).toBe(1_090_000);

  rate.stop();
  expect(await asked(300_000)).toBe(false);
});

test('a rate that appears, changes or grows too old is told to whoever priced with it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { world, options } = createWorld();
  const seen: (number | undefined)[] = [];
  const rate = createRate({ ...options, onChange: () => seen.push(rate.current()?.atMs) });
  const next = async (answers: Answers, afterMs: number): Promise<void> => {
    world.answers = answers;
    world.nowMs += afterMs;
    await vi.advanceTimersByTimeAsync(180_000);
  };

  await rate.start();
  await next(prices({ coinbase: '60000', kraken: '60000' }), 0);
  expect(seen[0]).toBe(1_000_000);
  await next(prices({ coinbase: '61000', kraken: '61000' }), 90_000);
  expect(seen.at(-1)).toBe(1_090_000);
  const before = seen.length;
  await next({}, 60_000);
  expect(seen).toHaveLength(before);
  await next({}, 15 * MINUTE_MS);
  rate.stop();

  expect(seen.slice(before)).toEqual([undefined]);
});

test('stopping ends what is being asked', async () => {
  const { options } = createWorld();
  const aborted: string[] = [];
  const silent: FetchJson = (url, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push(url);
        reject(new Error('aborted'));
      });
    });
  const rate = createRate({ ...options, fetchJson: silent });
  const started = rate.start();

  rate.stop();
  await started;

  expect(aborted).toHaveLength(RATE_SOURCES.length);
  expect(rate.current()).toBeUndefined();
});

test('that sources stop agreeing is told once, and once that they agree again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { world, options } = createWorld();
  const lines: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (_, message) => lines.push(message),
    warn: (_, message) => lines.push(message),
  };
  const rate = createRate({ ...options, log });

  await rate.start();
  await vi.advanceTimersByTimeAsync(60_000);
  world.answers = prices({ coinbase: '60000', kraken: '60000' });
  await vi.advanceTimersByTimeAsync(300_000);
  rate.stop();

  expect(lines).toEqual(['no two sources agree on a bitcoin price', 'bitcoin price known']);
});

test('a fixed price needs no network and does not age', async () => {
  const { world, options } = createWorld();
  const rate = createRate({ ...options, source: { usd: '50000.00' } });

  await rate.start();
  world.nowMs += 1_000 * MINUTE_MS;

  expect(rate.current()).toEqual({ usdPmsat: 2n * 10n ** 18n, atMs: 1_000_000 });
  expect(world.asked).toBe(0);
  rate.stop();
});

test.each(['0', '-1', 'x', 0, Number.NaN])('%s is no price of a bitcoin', (usd) => {
  const { options } = createWorld();

  expect(() => createRate({ ...options, source: { usd } })).toThrow(RangeError);
});
