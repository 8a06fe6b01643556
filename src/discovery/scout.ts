import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isObject } from '../openai/json-object.ts';
import type { Store } from '../store/store.ts';
import { createFoundNodes, keyOfUrl } from './found-nodes.ts';
import type { FoundNode } from './found-nodes.ts';
import type { Guard } from './guard/guard.ts';
import type { Knocks } from './knocks.ts';
import { dropOldest } from './oldest.ts';
import { cleanText } from './registry/clean-text.ts';
import { hintedUrls } from './registry/directory-event.ts';
import { readInfo } from './watch/node-info.ts';

/**
 * Finds nodes that no relay tells of: HTTP directories and strangers' lists hint at URLs, and what a URL's own `/v1/info` says is
 * all that counts.
 */
export interface Scout {
  /** The same array until something changes. */
  found(): readonly FoundNode[];
  forget(url: string): void;
  /** Asks all directories and then the URLs they hint at, now. */
  look(): Promise<void>;
  /** There may be new hints: they are followed within seconds. */
  hinted(): void;
  onChange(listener: () => void): void;
  /** Resolves when what was found before is loaded; then looks around every few hours. */
  start(): Promise<void>;
  /** Loads what was found before, instead of `start`: nobody is asked. */
  recall(): Promise<void>;
  stop(): void;
}

export interface ScoutOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly guard: Pick<Guard, 'check' | 'getJson'>;
  /** Shared with whoever else asks strangers' addresses. */
  readonly knocks: Knocks;
  /** URLs of `/v1/providers/` that the operator named. */
  readonly directories: readonly string[];
  /** Base URLs of nodes whose directories may be asked. */
  readonly neighbours: () => readonly string[];
  /** Hints that came over relays. */
  readonly hints: () => readonly string[];
  /** Whether it is settled whose URL it is. */
  readonly isSettled: (url: string) => boolean;
  readonly random: () => number;
}

const EVERY_MS = 6 * 3_600_000;
const JITTER = 0.2;
const FIRST_AFTER_MS = 2_000;
const HINTS_AFTER_MS = 2_000;
/** Strangers can publish ever more hints. */
const HINTS_EVERY_MS = 60_000;
const ASK_AGAIN_MS = 24 * 3_600_000;
const MAX_NEIGHBOURS = 5;
const MAX_ASKED_PER_LOOK = 200;
const MAX_REMEMBERED = 5_000;
const PARALLEL = 4;
const MAX_NAME_CHARS = 80;
const MAX_ABOUT_CHARS = 500;
const DIRECTORY_LIMITS = { maxBytes: 1_048_576, timeoutMs: 10_000 };
const INFO_LIMITS = { maxBytes: 65_536, timeoutMs: 8_000 };

export function createScout(options: ScoutOptions): Scout {
  const { clock, guard, knocks } = options;
  const nodes = createFoundNodes(options.store, options.log);
  const askedAtMs = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let hintTimer: NodeJS.Timeout | undefined;
  /** Not earlier again. */
  let hintsAtMs = 0;
  let isStopped = false;

  const ask = async (url: string): Promise<void> => {
    askedAtMs.delete(url);
    askedAtMs.set(url, clock.now());
    dropOldest(askedAtMs, MAX_REMEMBERED);
    if (!knocks.knock(url)) return;
    const node = await askNode(guard, url);
    if (node !== undefined) knocks.welcome(url);
    if (node !== undefined && !isStopped) await nodes.keep(node);
  };
  const isWorthAsking = (url: string): boolean =>
    clock.now() - (askedAtMs.get(url) ?? -Infinity) >= ASK_AGAIN_MS && !options.isSettled(url);

  const follow = async (hinted: Iterable<string>): Promise<void> => {
    const urls = [...hinted].filter(isWorthAsking).slice(0, MAX_ASKED_PER_LOOK);
    await inParallel(urls, ask);
  };
  /** One after the other: events that never end must not begin ever more of it. */
  const followHints = async (): Promise<void> => {
    hintsAtMs = clock.now() + HINTS_EVERY_MS;
    await follow(options.hints());
    hintTimer = undefined;
  };
  const look = async (): Promise<void> => {
    const hinted = new Set(options.hints());
    await inParallel(sourcesOf(options), async (source) => {
      for (const url of await askDirectory(guard, source)) hinted.add(url);
    });
    await follow(hinted);
  };
  const lookAgain = async (): Promise<void> => {
    await look();
    if (!isStopped) lookLater(EVERY_MS * (1 - JITTER / 2 + JITTER * options.random()));
  };
  const lookLater = (afterMs: number): void => {
    timer = setTimeout(() => void lookAgain(), afterMs).unref();
  };
  return {
    found: () => nodes.all(),
    forget: (url) => void nodes.drop(url),
    look,
    hinted() {
      const afterMs = Math.max(HINTS_AFTER_MS, hintsAtMs - clock.now());
      if (!isStopped) hintTimer ??= setTimeout(() => void followHints(), afterMs).unref();
    },
    onChange: (listener) => nodes.onChange(listener),
    async start() {
      await nodes.load();
      lookLater(FIRST_AFTER_MS);
    },
    recall() {
      isStopped = true;
      return nodes.load();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(hintTimer);
    },
  };
}

/** The operator's directories, and those of a few nodes that are known, others each time. */
function sourcesOf({ directories, neighbours, random }: ScoutOptions): readonly string[] {
  const drawn = neighbours()
    .map((url) => ({ url, lot: random() }))
    .toSorted((one, other) => one.lot - other.lot)
    .slice(0, MAX_NEIGHBOURS);
  return [...directories, ...drawn.map(({ url }) => `${url}/v1/providers/`)];
}

async function askDirectory(guard: ScoutOptions['guard'], url: string): Promise<readonly string[]> {
  try {
    const { json } = await guard.getJson(url, DIRECTORY_LIMITS);
    return hintedUrls(json, (hinted) => guard.check(hinted));
  } catch {
    // It does not answer, or not with a directory: the others may.
    return [];
  }
}

async function askNode(guard: ScoutOptions['guard'], url: string): Promise<FoundNode | undefined> {
  try {
    const { json } = await guard.getJson(`${url}/v1/info`, INFO_LIMITS);
    const info = readInfo(json);
    if (info === undefined || info.pubkey === null || !isObject(json)) return undefined;
    return {
      pubkey: keyOfUrl(url),
      told: info.pubkey,
      d: url,
      urls: [url],
      createdAt: 0,
      name: textOf(json['name'], MAX_NAME_CHARS),
      about: textOf(json['description'], MAX_ABOUT_CHARS),
      version: info.version,
      mints: info.mints ?? [],
    };
  } catch {
    // A hint that leads nowhere.
    return undefined;
  }
}

function textOf(value: unknown, max: number): string {
  return typeof value === 'string' ? cleanText(value, max) : '';
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
