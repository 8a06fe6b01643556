import type { Clock } from '../lib/clock.ts';
import { ceilDivide, parseDecimal } from '../lib/decimal.ts';
import type { Log } from '../lib/log.ts';
import { agreedPrice } from './agreed-price.ts';
import type { FetchJson } from './fetch-json.ts';
import type { RateSource } from './sources.ts';
import { microUsdIn, RATE_SOURCES } from './sources.ts';

/** What a US dollar is worth. */
export interface ExchangeRate {
  /** Pico-msat (10^-12 msat) per USD, rounded up: a positive amount. */
  readonly usdPmsat: bigint;
  /** When it was found out, ms since the epoch. A new rate has a new time. */
  readonly atMs: number;
}

export interface Rate {
  /** The rate, at most 15 minutes old; undefined while none is known. */
  current(): ExchangeRate | undefined;
  /** Asks now, and every 60 to 120 s until stopped. Resolves after the first round, with a rate or without. */
  start(): Promise<void>;
  /** Ends asking, and what is being asked. Idempotent. */
  stop(): void;
}

export interface RateOptions {
  /** `auto`: from public sources; else a fixed price of a bitcoin (decimal, above 0), for which no network is used. */
  readonly source: 'auto' | { readonly usd: string | number };
  readonly fetchJson: FetchJson;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when the rate appeared, changed or was found to be too old. */
  readonly onChange?: () => void;
  /** From 0 to 1, so that nodes do not ask in step. */
  readonly random?: () => number;
  readonly sources?: readonly RateSource[];
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
const STALE_MS = 15 * 60_000;
const REFRESH_MS = 60_000;
/** Without a rate nothing priced in USD is served, so ask again sooner. */
const RETRY_MS = 10_000;

const PMSAT_PER_BITCOIN = 10n ** 23n;
const MICRO = 1_000_000n;

/** Throws RangeError when a fixed price is not above 0. */
export function createRate(options: RateOptions): Rate {
  return options.source === 'auto' ? createAskedRate(options) : createFixedRate(options);
}

function createFixedRate({ source, clock }: RateOptions): Rate {
  const usd = source === 'auto' ? undefined : parseDecimal(source.usd);
  if (usd === undefined || usd.digits === 0n) {
    throw new RangeError('the price of a bitcoin must be a decimal above 0');
  }
  const usdPmsat = ceilDivide(PMSAT_PER_BITCOIN * 10n ** BigInt(usd.scale), usd.digits);
  const fixed: ExchangeRate = { usdPmsat, atMs: clock.now() };
  return {
    current: () => fixed,
    start: () => Promise.resolve(),
    stop() {},
  };
}

function createAskedRate(options: RateOptions): Rate {
  const { clock, log, random = Math.random } = options;
  const stopping = new AbortController();
  let latest: ExchangeRate | undefined;
  let told: ExchangeRate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wasAgreed: boolean | undefined;

  const current = (): ExchangeRate | undefined =>
    latest !== undefined && clock.now() - latest.atMs <= STALE_MS ? latest : undefined;

  const refresh = async (): Promise<void> => {
    const prices = await askAll(options, stopping.signal);
    if (stopping.signal.aborted) return;
    const microUsd = agreedPrice(prices);
    if (microUsd !== undefined) {
      const usdPmsat = ceilDivide(PMSAT_PER_BITCOIN * MICRO, microUsd);
      latest = { usdPmsat, atMs: clock.now() };
    }
    report(prices.length, microUsd);
    if (current() === told) return;
    told = current();
    options.onChange?.();
  };

  /** Says so once when sources stop agreeing, and once when they agree again. */
  const report = (answers: number, microUsd: bigint | undefined): void => {
    const isAgreed = microUsd !== undefined;
    if (isAgreed === wasAgreed) return;
    wasAgreed = isAgreed;
    if (isAgreed) log.info({ answers, usd: Number(microUsd) / 1e6 }, 'bitcoin price known');
    else log.warn({ answers }, 'no two sources agree on a bitcoin price');
  };

  const round = async (): Promise<void> => {
    await refresh();
    if (stopping.signal.aborted) return;
    const pauseMs = wasAgreed === true ? REFRESH_MS : RETRY_MS;
    timer = setTimeout(() => void round(), pauseMs * (1 + random()));
    timer.unref();
  };

  return {
    current,
    start: round,
    stop() {
      stopping.abort();
      clearTimeout(timer);
    },
  };
}

/** The prices of those sources that answer in time. Never rejects. */
async function askAll(options: RateOptions, stopped: AbortSignal): Promise<bigint[]> {
  const { sources = RATE_SOURCES } = options;
  const prices = await Promise.all(sources.map((source) => ask(source, options, stopped)));
  return prices.filter((price) => price !== undefined);
}

async function ask(
  { name, url, path }: RateSource,
  { fetchJson, log, timeoutMs = TIMEOUT_MS }: RateOptions,
  stopped: AbortSignal,
): Promise<bigint | undefined> {
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]);
    const microUsd = microUsdIn(await fetchJson(url, signal), path);
    if (microUsd === undefined) log.debug({ source: name }, 'bitcoin price source tells no price');
    return microUsd;
  } catch (error) {
    log.debug({ source: name, err: error }, 'bitcoin price source failed');
    return undefined;
  }
}
