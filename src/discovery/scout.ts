import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isObject } from '../openai/json-object.ts';
import type { Operation } from '../store/operation.ts';
import type { Store } from '../store/store.ts';
import { dropFoundNode, foundNodes, keepFoundNode } from './found-nodes.ts';
import type { FoundNode } from './found-nodes.ts';
import type { Guard } from './guard/guard.ts';
import { cleanText } from './registry/clean-text.ts';
import { hintedUrls } from './registry/directory-event.ts';
import { dropOldest } from './registry/oldest.ts';
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
  onChange(listener: () => void): void;
  /** Resolves when what was found before is loaded; then looks around every few hours. */
  start(): Promise<void>;
  stop(): void;
}

export interface ScoutOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly guard: Pick<Guard, 'check' | 'getJson'>;
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
const ASK_AGAIN_MS = 24 * 3_600_000;
const MAX_NEIGHBOURS = 5;
const MAX_ASKED_PER_LOOK = 200;
const MAX_REMEMBERED = 5_000;
const MAX_FOUND = 500;
const PARALLEL = 4;
const MAX_NAME_CHARS = 80;
const MAX_ABOUT_CHARS = 500;
const DIRECTORY_LIMITS = { maxBytes: 1_048_576, timeoutMs: 10_000 };
const INFO_LIMITS = { maxBytes: 65_536, timeoutMs: 8_000 };

export function createScout(options: ScoutOptions): Scout {
  const { store, clock, log, guard } = options;
  const nodes = new Map<string, FoundNode>();
  const askedAtMs = new Map<string, number>();
  const listeners: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let list: readonly FoundNode[] = [];

  const changed = async (write: () => Operation<void>): Promise<void> => {
    list = [...nodes.values()];
    for (const listener of listeners) listener();
    try {
      await store.write(write);
    } catch (cause) {
      log.error({ event: 'found_node_not_written', cause }, 'a found node was not written');
    }
  };
  const ask = async (url: string): Promise<void> => {
    askedAtMs.delete(url);
    askedAtMs.set(url, clock.now());
    dropOldest(askedAtMs, MAX_REMEMBERED);
    const node = await askNode(guard, url);
    if (node === undefined || isStopped) return;
    if (!nodes.has(url) && nodes.size >= MAX_FOUND) return;
    nodes.set(url, node);
    await changed(() => keepFoundNode(node));
  };
  const isWorthAsking = (url: string): boolean =>
    clock.now() - (askedAtMs.get(url) ?? -Infinity) >= ASK_AGAIN_MS && !options.isSettled(url);

  const look = async (): Promise<void> => {
    const hinted = new Set(options.hints());
    await inParallel(sourcesOf(options), async (source) => {
      for (const url of await askDirectory(guard, source)) hinted.add(url);
    });
    const urls = [...hinted].filter(isWorthAsking).slice(0, MAX_ASKED_PER_LOOK);
    await inParallel(urls, ask);
  };
  const lookAgain = async (): Promise<void> => {
    await look();
    if (!isStopped) lookLater(EVERY_MS * (1 - JITTER / 2 + JITTER * options.random()));
  };
  const lookLater = (afterMs: number): void => {
    timer = setTimeout(() => void lookAgain(), afterMs).unref();
  };
  return {
    found: () => list,
    forget(url) {
      if (nodes.delete(url)) void changed(() => dropFoundNode(url));
    },
    look,
    onChange: (listener) => void listeners.push(listener),
    async start() {
      for (const node of await store.read(foundNodes)) nodes.set(node.d, node);
      list = [...nodes.values()];
      lookLater(FIRST_AFTER_MS);
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
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
      pubkey: info.pubkey,
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
