import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { expect, test } from 'vitest';

import { chat, credential, call } from '../support/router-chat.ts';
import { routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';
import { spellB } from '../wallet/spelling.ts';
import type { SpelledCoin } from '../wallet/spelling.ts';

interface SilentServer extends AsyncDisposable {
  readonly url: string;
  /** Connections it ever accepted. */
  readonly sockets: number;
}

/** Accepts connections and never answers. */
async function silentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sockets() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A coin that looks as good as any, but that the mint never signed. */
function garbageCoin(world: RouterWorld, like: string): SpelledCoin {
  const [coin] = world.coinsOf(like);
  if (coin === undefined) throw new Error('the token is empty');
  return {
    keyset: coin.id,
    amount: BigInt(coin.amount.toString()),
    secret: randomBytes(32).toString('hex'),
    C: Buffer.from(coin.C, 'hex'),
  };
}

test('B2: a token that names a silent server is refused without any connection, on every route', async () => {
  await using silent = await silentServer();
  await using world = await routerWorld();
  const coins = [garbageCoin(world, world.fund(64))];
  const token = spellB({ mint: silent.url, coins });

  const answer = await chat(world.url, token);
  const info = await call(`${world.url}/v1/wallet/info`, { headers: credential(token) });
  const refund = await call(`${world.url}/v1/wallet/refund`, {
    method: 'POST',
    headers: credential(token),
  });

  expect([answer.status, info.status, refund.status]).toEqual([400, 400, 400]);
  expect((await answer.json()).error?.code).toBe('cashu_mint_not_accepted');
  expect(silent.sockets).toBe(0);
});

test('a hundred garbage tokens from one address leave an honest fresh token of another one working', async () => {
  await using world = await routerWorld();
  const like = world.fund(64, [64]);
  const garbage = Array.from({ length: 100 }, () =>
    spellB({ mint: world.mint.url, coins: [garbageCoin(world, like)] }),
  );

  const flood = garbage.map((token) => chat(world.url, token, { localAddress: '127.0.0.2' }));
  const amid = await chat(world.url, world.fund(100));
  const answers = await Promise.all(flood);
  const after = await chat(world.url, world.fund(100));
  const last = await chat(
    world.url,
    spellB({ mint: world.mint.url, coins: [garbageCoin(world, like)] }),
    {
      localAddress: '127.0.0.2',
    },
  );

  expect([amid.status, after.status]).toEqual([200, 200]);
  expect(new Set(answers.map(({ status }) => status))).toContain(400);
  expect(answers.every(({ status }) => status >= 400)).toBe(true);
  // This address has used up what it may cause at the mint; the mint does not hear of it.
  expect(last.status).toBe(429);
  expect((await last.json()).error?.code).toBe('rate_limited');
  expect(await world.faults()).toEqual([]);
});

test('garbage tokens one after the other reach the mint twenty times, no more', async () => {
  await using world = await routerWorld();
  const like = world.fund(64, [64]);
  world.mint.clearCalls();

  const codes: (string | undefined)[] = [];
  for (let count = 0; count < 30; count++) {
    const token = spellB({ mint: world.mint.url, coins: [garbageCoin(world, like)] });
    const answer = await chat(world.url, token, { localAddress: '127.0.0.2' });
    codes.push((await answer.json()).error?.code);
  }

  expect(codes.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 'cashu_token_invalid'));
  expect(codes.slice(20)).toEqual(Array.from({ length: 10 }, () => 'rate_limited'));
  expect(world.mint.callCount('/v1/swap')).toBe(20);
});

test('a refused token costs one mint call, however often it is sent', async () => {
  await using world = await routerWorld();
  const token = spellB({ mint: world.mint.url, coins: [garbageCoin(world, world.fund(64))] });
  world.mint.clearCalls();

  for (let count = 0; count < 8; count++) {
    expect((await chat(world.url, token)).status).toBe(400);
  }

  expect(world.mint.callCount('/v1/swap')).toBe(1);
});

test('S9: the secrets of a token with another signature poison neither its account nor its refusal', async () => {
  await using world = await routerWorld();
  const token = world.fund(64, [64]);
  const [coin] = world.coinsOf(token);
  const other = world.coinsOf(world.fund(64, [64]))[0];
  if (coin === undefined || other === undefined) throw new Error('no coin');
  const forged = spellB({
    mint: world.mint.url,
    coins: [{ keyset: coin.id, amount: 64n, secret: coin.secret, C: Buffer.from(other.C, 'hex') }],
  });

  const refused = await chat(world.url, forged);
  const honest = await chat(world.url, token);

  expect(refused.status).toBe(400);
  expect(honest.status).toBe(200);
});
