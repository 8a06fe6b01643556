import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { PurseContent, PurseFile } from '../../src/cli/purse-file.ts';
import { openPurseMint } from '../../src/cli/purse-mint.ts';
import type { PurseMint } from '../../src/cli/purse-mint.ts';
import { createPurse } from '../../src/cli/purse.ts';
import type { Purse } from '../../src/cli/purse.ts';
import type { Refund } from '../../src/cli/router-client.ts';
import { loadCrypto } from '../../src/crypto/load.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createBreaker } from '../../src/wallet/breaker.ts';
import { createMintClient } from '../../src/wallet/mint-client.ts';
import type { MintClient } from '../../src/wallet/mint-client.ts';

const ROUTER = 'http://router.example';
const crypto = loadCrypto();

let mint: DemoMint;
let clients: MintClient[];
beforeEach(async () => {
  mint = await startMint({ seed: 'purse', inputFeePpk: 100 });
  clients = [];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await mint.close();
});

/** The file of a purse, in memory; `beforeReplace` may throw, as a process that dies there. */
function memoryFile(beforeReplace: () => void = () => undefined): PurseFile {
  let content: PurseContent = { coins: [], entries: [] };
  return {
    get content() {
      return content;
    },
    replace(next) {
      beforeReplace();
      content = structuredClone(next);
    },
  };
}

interface Payer {
  readonly purse: Purse;
  readonly file: PurseFile;
}

function payer(
  file: PurseFile = memoryFile(),
  fetchRefund: (router: string, token: string) => Promise<Refund> = neverHeardOf,
  wrap: (opened: PurseMint) => PurseMint = (opened) => opened,
): Payer {
  const openMint = async (url: string) => {
    const client = createMintClient(url, {
      breaker: createBreaker({ clock: systemClock }),
      queryTimeoutMs: 300,
      swapTimeoutMs: 300,
    });
    clients.push(client);
    return wrap(await openPurseMint(url, client, crypto));
  };
  return { file, purse: createPurse({ file, openMint, fetchRefund, now: () => Date.now() }) };
}

async function neverHeardOf(): Promise<Refund> {
  await sleep(0);
  return { kind: 'unknown', message: 'the router does not know it' };
}

/** A router that redeems what it is given, keeps `charge` and owes the rest, until it is asked for. */
function router(charge: bigint): {
  take: (token: string) => Promise<void>;
  change: () => Promise<string>;
  total: () => bigint;
  refund: (router: string, token: string) => Promise<Refund>;
} {
  const { purse } = payer();
  let isPaid = false;
  let token: string | undefined;
  const change = async (): Promise<string> => {
    token ??= (await purse.cut(purse.total() - charge, mint.url, 'payer')).token;
    return token;
  };
  return {
    async take(paid) {
      expect((await purse.receive(paid)).kind).toBe('came');
      isPaid = true;
    },
    change,
    total: () => purse.total(),
    refund: async (asked) => {
      expect(asked).toBe(ROUTER);
      return isPaid ? { kind: 'token', token: await change() } : neverHeardOf();
    },
  };
}

describe('receiving', () => {
  test('swaps a token into coins that only the purse knows, for the fee of the mint', async () => {
    const { purse, file } = payer();

    const outcome = await purse.receive(mint.faucet(100));

    // 100 = 64 + 32 + 4: three coins at 100 ppk cost 1 sat.
    expect(outcome).toEqual({ kind: 'came', amount: 99n, message: 'received' });
    expect(purse.balances()).toEqual(new Map([[mint.url, 99n]]));
    expect(file.content.entries).toEqual([]);
    expect(mint.books().outstanding).toBe(99);
  });

  test('a token that was spent before is lost, and forgotten', async () => {
    const token = mint.faucet(100);
    await payer().purse.receive(token);
    const { purse, file } = payer();

    const outcome = await purse.receive(token);

    expect(outcome).toMatchObject({ kind: 'lost', amount: 100n });
    expect(file.content).toEqual({ coins: [], entries: [] });
  });

  test('while the mint is away the token waits in the file, and a later sweep takes it in', async () => {
    mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 503, times: 1 });
    const { purse, file } = payer();

    expect((await purse.receive(mint.faucet(100))).kind).toBe('open');
    expect(purse.total()).toBe(0n);
    expect(file.content.entries).toHaveLength(1);

    expect(await purse.sweep()).toEqual([{ kind: 'came', amount: 99n, message: 'received' }]);
    expect(purse.total()).toBe(99n);
  });

  test('an answer that is lost after the swap is found again', async () => {
    mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
    const { purse } = payer();

    expect(await purse.receive(mint.faucet(100))).toMatchObject({ kind: 'came', amount: 99n });
    expect(mint.callCount('/v1/swap')).toBe(1);
  });

  test.each([
    ['nonsense', 'hello', 'no Cashu token'],
    ['a token of dollars', 'usd', 'unit sat'],
  ])('%s is refused and not kept', async (_name, token, message) => {
    const { purse, file } = payer();
    const usd = await startMint({ units: ['usd'] });
    const text = token === 'usd' ? usd.faucet(10, 'usd') : token;

    expect(() => purse.receive(text)).toThrow(message);
    expect(file.content.entries).toEqual([]);
    await usd.close();
  });
});

describe('paying', () => {
  test('coins that fit are given without a call to the mint', async () => {
    const { purse } = payer();
    await purse.receive(mint.faucet(100));
    mint.clearCalls();

    const sent = await purse.cut(99n, mint.url, ROUTER);

    expect(mint.callCount()).toBe(0);
    expect(purse.total()).toBe(0n);
    expect(await payer().purse.receive(sent.token)).toMatchObject({ kind: 'came', amount: 98n });
  });

  test('others are changed first, and not a sat is lost but the fee', async () => {
    const { purse } = payer();
    await purse.receive(mint.faucet(100));

    const sent = await purse.cut(50n, mint.url, ROUTER);

    expect(purse.total()).toBe(48n);
    expect(await payer().purse.receive(sent.token)).toMatchObject({ kind: 'came', amount: 49n });
    expect(mint.books().outstanding).toBe(48 + 49);
  });

  test('more than there is is refused, and the purse stays whole', async () => {
    const { purse } = payer();
    await purse.receive(mint.faucet(100));

    await expect(purse.cut(100n, mint.url, ROUTER)).rejects.toThrow('the purse has 99 sat');
    expect(purse.total()).toBe(99n);
  });

  test('the change of the answer comes into the purse', async () => {
    const { take, change } = router(30n);
    const { purse, file } = payer();
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);
    await take(sent.token);

    const outcome = await purse.settle(sent, await change());

    expect(outcome).toMatchObject({ kind: 'came' });
    expect(purse.total()).toBe(67n);
    expect(file.content.entries).toEqual([]);
  });

  test('change that did not come is asked for', async () => {
    const { take, refund } = router(30n);
    const { purse } = payer(memoryFile(), refund);
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);
    await take(sent.token);

    expect(await purse.settle(sent, undefined)).toMatchObject({ kind: 'came' });
    expect(purse.total()).toBe(67n);
  });

  test('a token that the router never took is taken back', async () => {
    const { purse } = payer();
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);

    expect(await purse.settle(sent, undefined)).toMatchObject({ kind: 'came', amount: 98n });
  });

  test('a router that takes the token just before we take it back still owes the change', async () => {
    const { take, refund } = router(30n);
    const file = memoryFile();
    let meanwhile: (() => Promise<void>) | undefined;
    const { purse } = payer(file, refund, (opened) => {
      const states: PurseMint['states'] = async (coins) => {
        const found = await opened.states(coins);
        await meanwhile?.();
        meanwhile = undefined;
        return found;
      };
      return { ...opened, states };
    });
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);
    meanwhile = () => take(sent.token);

    expect(await purse.settle(sent, undefined)).toMatchObject({ kind: 'open' });
    expect(file.content.entries).toEqual([sent]);

    await purse.sweep();
    expect(purse.total()).toBe(67n);
    expect(file.content.entries).toEqual([]);
  });

  test('a router that took the token and does not say so is asked again later', async () => {
    const { take } = router(30n);
    const { purse, file } = payer();
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);
    await take(sent.token);

    expect(await purse.settle(sent, undefined)).toMatchObject({ kind: 'open' });
    expect(file.content.entries).toEqual([sent]);
  });

  test('a token of which nothing is left is forgotten', async () => {
    const { take } = router(30n);
    const { purse, file } = payer(memoryFile(), () => Promise.resolve({ kind: 'nothing' }));
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);
    await take(sent.token);

    expect(await purse.settle(sent, undefined)).toMatchObject({ kind: 'nothing' });
    expect(file.content.entries).toEqual([]);
  });

  test('change of another mint is not fetched', async () => {
    const other = await startMint({ seed: 'other' });
    const { purse, file } = payer();
    await purse.receive(mint.faucet(100));
    const sent = await purse.cut(99n, mint.url, ROUTER);

    expect(await purse.settle(sent, other.faucet(10))).toMatchObject({ kind: 'open' });
    expect(file.content.entries).toEqual([sent]);
    expect(other.callCount()).toBe(0);
    await other.close();
  });
});

/** Writes `count` times and then dies, just before or just after the last write. */
function dyingFile(store: PurseFile, count: number, when: 'before' | 'after'): PurseFile {
  let writes = 0;
  return {
    get content() {
      return store.content;
    },
    replace(next) {
      writes += 1;
      if (writes > count || (writes === count && when === 'before')) throw new Error('dead');
      store.replace(next);
      if (writes === count) throw new Error('dead');
    },
  };
}

describe('a run that is killed', () => {
  const moments = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((count) =>
    (['before', 'after'] as const).map((when) => [when, count] as const),
  );

  test.each(moments)('%s write %i is finished by the next one', async (when, count) => {
    const store = memoryFile();
    const node = router(10n);
    const token = mint.faucet(100);
    const first = payer(dyingFile(store, count, when), node.refund).purse;
    const live = async (): Promise<void> => {
      await first.receive(token);
      const sent = await first.cut(50n, mint.url, ROUTER);
      await node.take(sent.token);
      await first.settle(sent, await node.change());
    };
    // The purse reports some deaths as something left open.
    await live().catch(() => undefined);

    const { purse, file } = payer(store, node.refund);
    const isUntouched = file.content.coins.length + file.content.entries.length === 0;
    if (isUntouched) await purse.receive(token);
    await purse.sweep();
    const outcomes = await purse.sweep();

    expect(outcomes).toEqual([]);
    expect(file.content.entries).toEqual([]);
    // Every sat the mint owes is in one of the two purses.
    expect(Number(purse.total() + node.total())).toBe(mint.books().outstanding);
    expect(Number(purse.total())).toBeGreaterThanOrEqual(100 - 10 - 6);
  });

  test('nine writes are a whole life', async () => {
    let writes = 0;
    const { purse } = payer(
      memoryFile(() => {
        writes += 1;
      }),
    );
    await purse.receive(mint.faucet(100));
    const node = router(10n);
    const sent = await purse.cut(50n, mint.url, ROUTER);
    await node.take(sent.token);
    await purse.settle(sent, await node.change());

    expect(writes).toBe(9);
  });

  test.each(['/v1/swap', '/v1/restore', '/v1/checkstate', '/v1/keys*'])(
    'and one whose mint drops the answers of %s lose nothing',
    async (path) => {
      const node = router(10n);
      const { purse, file } = payer(memoryFile(), node.refund);
      mint.addFault({ path, kind: 'drop', when: 'after', times: 2 });
      mint.addFault({ path: '/v1/restore', kind: 'refuse', status: 503, times: 1 });
      await purse.receive(mint.faucet(100));
      for (let sweeps = 0; sweeps < 4 && file.content.entries.length > 0; sweeps += 1) {
        await purse.sweep();
      }

      expect(file.content.entries).toEqual([]);
      expect(purse.total()).toBe(99n);
      expect(mint.books().outstanding).toBe(99);
    },
  );
});
