import type { Crypto } from '../crypto/crypto.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { get } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Store } from '../store/store.ts';
import { createBreaker } from './breaker.ts';
import { ACCEPTED_UNIT } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import { createLane } from './lane.ts';
import type { Lane } from './lane.ts';
import { createMintClient } from './mint-client.ts';
import type { MintClient } from './mint-client.ts';
import { MintFailure } from './mint-failure.ts';
import { createMintKeysets, isExpired } from './mint-keysets.ts';
import { INSERT_MINT, MINT_BY_URL } from './mint-sql.ts';
import { canonicalMintUrl } from './mint-url.ts';

/** A mint that the operator configured. */
export interface Mint {
  readonly id: bigint;
  /** Canonical, without a trailing slash. */
  readonly url: string;
  readonly client: MintClient;
  readonly lane: Lane;
  /** By full id: any keyset of this mint that we know, active or not. Those of other units than sat have no keys. */
  keyset(id: string): Keyset | undefined;
  /** All keysets of this mint that a token may mean by `id`, a full or short one (NUT-02). */
  keysetsMatching(id: string): readonly Keyset[];
  /** The keyset for new coins: active, of latest expiry (none counts as latest), then of lowest fee. */
  active(unit: string): Keyset | undefined;
  /** No request can be served with its coins now: its breaker is open, or it never told us a usable keyset. */
  readonly away: boolean;
  /** Since when it has not answered well, also where it may be tried again; undefined while it does. */
  readonly awaySinceMs: number | undefined;
}

/** The configured mints; there are no others. */
export interface Mints {
  readonly all: readonly Mint[];
  /** Any spelling of a URL; undefined for other mints and for what is no URL. */
  byUrl(url: string): Mint | undefined;
  byId(id: bigint): Mint | undefined;
  /** NUT-02 final expiry has passed: the mint owes nothing for these coins. */
  isExpired(keyset: Keyset): boolean;
  /** Asks the mint for its keysets, at most every 10 s (else it resolves at once). Never rejects: a mint may be away. */
  refresh(mint: Mint): Promise<void>;
  /** Stops the timers and closes the connections. Idempotent. */
  close(): Promise<void>;
}

export interface MintsOptions {
  readonly urls: readonly string[];
  readonly store: Store;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1): spreads the refreshes of many routers. */
  readonly random?: () => number;
}

const REFRESH_MS = 600_000;
/** How often a mint that is away is asked: nobody else may be sending it anything. */
const RETRY_MS = 15_000;
const MIN_REFRESH_GAP_MS = 10_000;
/** At about 20 swaps a second (nutshell) the last one waits a few seconds. */
const MAX_WAITING = 64;

/**
 * Opens the configured mints: those whose keysets are cached work at once even when the mint is down, the others are asked
 * first and are `away` until they answer. Throws TypeError for a URL that is none or that is configured twice.
 */
export async function createMints(options: MintsOptions): Promise<Mints> {
  const urls = options.urls.map(canonicalMintUrl);
  if (new Set(urls).size < urls.length) throw new TypeError('a mint is configured twice');
  const known = await Promise.all(urls.map((url) => openMint(url, options)));
  const byUrl = new Map(known.map((entry) => [entry.mint.url, entry]));
  const byId = new Map(known.map(({ mint }) => [mint.id, mint]));

  await Promise.all(known.filter(({ mint }) => mint.away).map((entry) => entry.refresh()));
  for (const entry of known) entry.schedule();

  return {
    all: known.map(({ mint }) => mint),
    byUrl(text) {
      try {
        return byUrl.get(canonicalMintUrl(text))?.mint;
      } catch {
        // What is no URL is no mint of ours.
        return undefined;
      }
    },
    byId: (id) => byId.get(id),
    isExpired: (keyset) => isExpired(keyset, options.clock),
    async refresh(mint) {
      await byUrl.get(mint.url)?.refresh();
    },
    async close() {
      await Promise.all(known.map((entry) => entry.close()));
    },
  };
}

interface KnownMint {
  readonly mint: Mint;
  refresh(): Promise<void>;
  /** Starts the timer; a warm mint is refreshed at once. */
  schedule(): void;
  close(): Promise<void>;
}

async function openMint(url: string, options: MintsOptions): Promise<KnownMint> {
  const { store, clock } = options;
  const row = await store.read(() => get(MINT_BY_URL, url));
  const id = row?.id ?? (await store.write(() => mintId(url), 'disk'));
  const breaker = createBreaker({ clock });
  const client = createMintClient(url, { breaker });
  const keysets = createMintKeysets({ ...options, mint: { id, url }, client });
  await keysets.load();
  const openedMs = clock.now();

  const awaySince = (): number | undefined =>
    breaker.openSinceMs ?? (keysets.active(ACCEPTED_UNIT) === undefined ? openedMs : undefined);
  const mint: Mint = {
    id,
    url,
    client,
    lane: createLane({ maxWaiting: MAX_WAITING, clock, breaker }),
    keyset: (keysetId) => keysets.byId(keysetId),
    keysetsMatching: (keysetId) => keysets.matching(keysetId),
    active: (unit) => keysets.active(unit),
    get away() {
      return breaker.closedForMs > 0 || keysets.active(ACCEPTED_UNIT) === undefined;
    },
    get awaySinceMs() {
      return awaySince();
    },
  };

  const refresh = () => keysets.refresh();
  return { mint, ...createRefresher({ ...options, mint, refresh }) };
}

function createRefresher(
  options: MintsOptions & { readonly mint: Mint; refresh(): Promise<void> },
): Omit<KnownMint, 'mint'> {
  const { mint, clock, log, random = Math.random } = options;
  let lastMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const complain = (error: unknown): void => {
    const { url } = mint;
    if (!(error instanceof MintFailure)) {
      log.error({ mint: url, err: error }, 'keysets of a mint could not be kept');
    } else if (!isClosed) {
      // Where we hung up ourselves, the mint did nothing wrong.
      log.warn({ mint: url, reason: error.reason }, 'a mint did not tell its keysets; tried again');
    }
  };
  const refresh = async (): Promise<void> => {
    if (running !== undefined) return running;
    if (isClosed || clock.now() - lastMs < MIN_REFRESH_GAP_MS) return undefined;
    lastMs = clock.now();
    running = options.refresh();
    try {
      return await running;
    } catch (error) {
      complain(error);
      return undefined;
    } finally {
      running = undefined;
    }
  };
  const jittered = (ms: number): number => ms * (0.9 + 0.2 * random());
  let dueMs = clock.now();
  const tick = (): void => {
    timer = setTimeout(tick, jittered(RETRY_MS));
    timer.unref();
    if (!mint.away && clock.now() < dueMs) return;
    dueMs = clock.now() + jittered(REFRESH_MS);
    // `refresh` never rejects.
    void refresh();
  };

  return {
    refresh,
    schedule: tick,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await mint.client.close();
      await running;
    },
  };
}

function* mintId(url: string): Operation<bigint> {
  const row = (yield* get(MINT_BY_URL, url)) ?? (yield* get(INSERT_MINT, url));
  if (row === undefined) throw new Error('the mint was not written');
  return row.id;
}
