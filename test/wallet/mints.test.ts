import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { mintTables, reserveCounters } from '../../src/wallet/mint-sql.ts';
import { createMints } from '../../src/wallet/mints.ts';
import type { Mints } from '../../src/wallet/mints.ts';
import { createIssuer } from './issuer.ts';
import type { Issuer } from './issuer.ts';

const crypto = loadCrypto();

async function openTestStore(): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-mints-'));
  const store = await openStore({
    database: `file:${join(folder, 'test.db')}`,
    schemas: [{ owner: 'wallet', migrations: [mintTables] }],
    log: silentLog,
    onFatal: (cause) => {
      throw new Error('the store failed', { cause });
    },
  });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

interface Listed {
  readonly issuer: Issuer;
  /** What the mint claims instead of the truth. */
  readonly claim?: Readonly<Record<string, unknown>>;
  readonly withholdsKeys?: boolean;
}

/** A mint that knows only NUT-01 and NUT-02. */
async function startMint(listed: Listed[]) {
  const mint = { listed, paths: [] as (string | undefined)[], isDown: false, url: '' };
  const server = createServer((request, response) => {
    mint.paths.push(request.url);
    if (mint.isDown) {
      response.writeHead(502).end();
      return;
    }
    const id = request.url?.split('/')[3];
    const keysets = mint.listed
      .map(({ issuer, claim, withholdsKeys }) => ({
        id: issuer.id,
        unit: issuer.keyset.unit,
        active: issuer.keyset.active,
        input_fee_ppk: Number(issuer.keyset.ppk),
        ...(issuer.keyset.expiryS === undefined
          ? {}
          : { final_expiry: Number(issuer.keyset.expiryS) }),
        ...claim,
        ...(id === undefined
          ? {}
          : { keys: withholdsKeys === true ? undefined : issuer.publicKeys }),
      }))
      .filter((keyset) => id === undefined || (keyset.id === id && keyset.keys !== undefined));
    const status = id !== undefined && keysets.length === 0 ? 404 : 200;
    response.writeHead(status).end(JSON.stringify({ keysets }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  mint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return mint;
}

function setUpClock() {
  const clock = { ms: 1_900_000_000_000, now: () => clock.ms };
  return clock;
}

async function openMints(
  store: Store,
  urls: readonly string[],
  clock = setUpClock(),
): Promise<{ mints: Mints; warnings: string[]; clock: typeof clock }> {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  const mints = await createMints({ urls, store, crypto, clock, log });
  onTestFinished(() => mints.close());
  return { mints, warnings, clock };
}

test('a new mint tells its keysets before the router starts', async () => {
  const issuer = createIssuer(crypto, { ppk: 100 });
  const server = await startMint([{ issuer }]);

  const { mints } = await openMints(await openTestStore(), [`${server.url}/`]);

  const mint = mints.byUrl(server.url.replace('http', 'HTTP'));
  expect(mint).toMatchObject({ url: server.url, away: false, awaySinceMs: undefined });
  expect(mint?.active('sat')).toEqual(issuer.keyset);
  expect(mint?.keysetsMatching(issuer.id.slice(0, 16))).toEqual([issuer.keyset]);
  expect(mints.byId(mint?.id ?? 0n)).toBe(mint);
});

test('a mint that is not configured is no mint, and a mint is configured once', async () => {
  const store = await openTestStore();
  const { mints } = await openMints(store, []);

  expect([mints.byUrl('https://mint.example'), mints.byUrl('nonsense')]).toEqual([
    undefined,
    undefined,
  ]);
  await expect(openMints(store, ['http://m.example', 'http://M.example:80/'])).rejects.toThrow(
    TypeError,
  );
  await expect(openMints(store, ['m.example'])).rejects.toThrow(TypeError);
});

test('with a warm cache the router starts though the mint is down', async () => {
  const store = await openTestStore();
  const issuer = createIssuer(crypto, { ppk: 7, expiryS: 4_000_000_000 });
  const server = await startMint([{ issuer }]);
  const first = await openMints(store, [server.url]);
  await first.mints.close();
  server.isDown = true;

  const { mints } = await openMints(store, [server.url]);

  expect(mints.all[0]?.id).toBe(first.mints.all[0]?.id);
  expect(mints.all[0]?.active('sat')).toEqual(issuer.keyset);
  expect(mints.all[0]?.away).toBe(false);
});

test('a question that our own end cuts short is not held against the mint', async () => {
  const store = await openTestStore();
  const server = await startMint([{ issuer: createIssuer(crypto) }]);
  await (await openMints(store, [server.url])).mints.close();

  const { mints, warnings } = await openMints(store, [server.url]);
  await mints.close();

  expect(warnings).toEqual([]);
});

test('with a cold cache a mint that is down is away until it answers', async () => {
  const server = await startMint([{ issuer: createIssuer(crypto) }]);
  server.isDown = true;
  const { mints, clock, warnings } = await openMints(await openTestStore(), [server.url]);
  const [mint] = mints.all;
  if (mint === undefined) throw new Error('no mint');
  expect(mint).toMatchObject({ away: true, awaySinceMs: clock.ms });
  expect(warnings).toEqual(['a mint did not tell its keysets; tried again']);

  server.isDown = false;
  clock.ms += 10_000;
  await mints.refresh(mint);

  expect(mint).toMatchObject({ away: false, awaySinceMs: undefined });
});

test('a mint that is away is asked again without anybody asking for it', async () => {
  const server = await startMint([{ issuer: createIssuer(crypto) }]);
  server.isDown = true;
  const store = await openTestStore();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { mints, clock } = await openMints(store, [server.url]);
  expect(mints.all[0]?.away).toBe(true);

  server.isDown = false;
  clock.ms += 17_000;
  vi.advanceTimersByTime(17_000);
  while (mints.all[0]?.away === true) await new Promise(setImmediate);

  expect(mints.all[0]?.active('sat')).toBeDefined();
});

test('a mint is asked at most every 10 s, however many ask', async () => {
  const server = await startMint([{ issuer: createIssuer(crypto) }]);
  const { mints, clock } = await openMints(await openTestStore(), [server.url]);
  const [mint] = mints.all;
  if (mint === undefined) throw new Error('no mint');
  const listings = () => server.paths.filter((path) => path === '/v1/keysets').length;

  await Promise.all([mints.refresh(mint), mints.refresh(mint)]);
  expect(listings()).toBe(1);

  clock.ms += 10_000;
  await Promise.all([mints.refresh(mint), mints.refresh(mint), mints.refresh(mint)]);
  expect(listings()).toBe(2);
});

test('after a rotation new coins are of the new keyset and old ones are still known', async () => {
  const old = createIssuer(crypto, { seed: 'old' });
  const server = await startMint([{ issuer: old }]);
  const { mints, clock } = await openMints(await openTestStore(), [server.url]);
  const [mint] = mints.all;
  if (mint === undefined) throw new Error('no mint');

  const fresh = createIssuer(crypto, { seed: 'new' });
  server.listed = [{ issuer: old, claim: { active: false } }, { issuer: fresh }];
  clock.ms += 10_000;
  await mints.refresh(mint);

  expect(mint.active('sat')?.id).toBe(fresh.id);
  expect(mint.keyset(old.id)).toMatchObject({
    active: false,
    denominations: old.keyset.denominations,
  });
});

test('a keyset that its mint lists no more is not used for new coins', async () => {
  const gone = createIssuer(crypto, { seed: 'gone' });
  const server = await startMint([{ issuer: gone }]);
  const { mints, clock } = await openMints(await openTestStore(), [server.url]);
  const [mint] = mints.all;
  if (mint === undefined) throw new Error('no mint');

  server.listed = [];
  clock.ms += 10_000;
  await mints.refresh(mint);

  expect(mint.active('sat')).toBeUndefined();
  expect(mint.keyset(gone.id)?.active).toBe(false);
});

test('of several active keysets the one of latest expiry is used, then the cheapest', async () => {
  const soon = createIssuer(crypto, { seed: 'soon', expiryS: 2_000_000_000 });
  const dear = createIssuer(crypto, { seed: 'dear', ppk: 200 });
  const cheap = createIssuer(crypto, { seed: 'cheap', ppk: 100 });
  const past = createIssuer(crypto, { seed: 'past', expiryS: 1_800_000_000 });
  const server = await startMint([soon, dear, cheap, past].map((issuer) => ({ issuer })));

  const { mints } = await openMints(await openTestStore(), [server.url]);

  expect(mints.all[0]?.active('sat')?.id).toBe(cheap.id);
  expect([past, soon].map(({ keyset }) => mints.isExpired(keyset))).toEqual([true, false]);
});

test('a keyset whose id does not match its keys, unit or fee is refused', async () => {
  const good = createIssuer(crypto, { seed: 'good' });
  const bad = createIssuer(crypto, { seed: 'bad', ppk: 100 });
  const unit = createIssuer(crypto, { seed: 'unit', unit: 'msat' });
  const server = await startMint([
    { issuer: bad, claim: { input_fee_ppk: 0 } },
    { issuer: unit, claim: { unit: 'sat' } },
    { issuer: good },
  ]);

  const { mints, warnings } = await openMints(await openTestStore(), [server.url]);

  expect([bad, unit, good].map(({ id }) => mints.all[0]?.keyset(id) !== undefined)).toEqual([
    false,
    false,
    true,
  ]);
  expect(warnings.filter((warning) => warning.includes('does not match'))).toHaveLength(2);
});

test('a fee that the id commits to cannot be changed later', async () => {
  const issuer = createIssuer(crypto, { ppk: 100 });
  const server = await startMint([{ issuer }]);
  const { mints, clock } = await openMints(await openTestStore(), [server.url]);
  const [mint] = mints.all;
  if (mint === undefined) throw new Error('no mint');

  server.listed = [{ issuer, claim: { input_fee_ppk: 900 } }];
  clock.ms += 10_000;
  await mints.refresh(mint);

  expect(mint.keyset(issuer.id)?.ppk).toBe(100n);
});

test('a keyset of one mint that another mint claims is refused and logged', async () => {
  const store = await openTestStore();
  const issuer = createIssuer(crypto);
  const honest = await startMint([{ issuer }]);
  const thief = await startMint([{ issuer }]);
  await openMints(store, [honest.url]);

  const { mints, warnings } = await openMints(store, [honest.url, thief.url]);

  expect(mints.byUrl(honest.url)?.active('sat')?.id).toBe(issuer.id);
  expect(mints.byUrl(thief.url)).toMatchObject({ away: true });
  expect(mints.byUrl(thief.url)?.keyset(issuer.id)).toBeUndefined();
  expect(warnings).toContain(`refused a keyset: its id belongs to the mint ${honest.url}`);
});

test('keysets of other units are known by id and unit, but have no keys and are never active', async () => {
  const usd = createIssuer(crypto, { seed: 'usd', unit: 'usd' });
  const server = await startMint([{ issuer: usd }, { issuer: createIssuer(crypto) }]);

  const { mints } = await openMints(await openTestStore(), [server.url]);

  expect(mints.all[0]?.keyset(usd.id)).toMatchObject({ unit: 'usd', denominations: [] });
  expect(mints.all[0]?.active('usd')).toBeUndefined();
  expect(server.paths).not.toContain(`/v1/keys/${usd.id}`);
});

test('a keyset whose keys the mint does not give keeps no other one back', async () => {
  const silent = createIssuer(crypto, { seed: 'silent' });
  const good = createIssuer(crypto, { seed: 'good' });
  const server = await startMint([{ issuer: silent, withholdsKeys: true }, { issuer: good }]);

  const { mints } = await openMints(await openTestStore(), [server.url]);

  expect(mints.all[0]?.active('sat')?.id).toBe(good.id);
  expect(mints.all[0]?.keyset(silent.id)).toBeUndefined();
});

test('counters are reserved once for each keyset and seed', async () => {
  const store = await openTestStore();
  const reserve = (keyset: string, seed: 'payers' | 'treasury', count: bigint) =>
    store.write(() => reserveCounters(keyset, seed, count));

  const firsts = await Promise.all([
    reserve('k1', 'payers', 10n),
    reserve('k1', 'payers', 1n),
    reserve('k1', 'treasury', 5n),
    reserve('k2', 'payers', 3n),
    reserve('k1', 'payers', 2n),
  ]);

  expect(firsts).toEqual([0n, 10n, 0n, 0n, 11n]);
  await expect(reserve('k1', 'payers', 0n)).rejects.toThrow(RangeError);
});
