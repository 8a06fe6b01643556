import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { startApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import { silentLog } from '../../src/lib/log.ts';
import { pubkeyOf } from '../../src/nostr/npub.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import { startLyingNode } from '../support/lying-node.ts';
import { chat, refund } from '../support/router-chat.ts';
import { steadyPort } from '../support/steady-port.ts';

const MODEL = 'nobody-has-it';
const CAPITAL_SAT = 1_000;

interface Home extends AsyncDisposable {
  start(file: object, port: number): Promise<App>;
}

async function openHome(): Promise<Home> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-loop-'));
  const apps: App[] = [];
  return {
    async start(file, port) {
      const config = join(home, 'providers.json');
      await writeFile(config, JSON.stringify(file));
      const flags = { home, config, host: '127.0.0.1', port: String(port) };
      const app = await startApp(loadConfig({ flags, env: { NODE_KEY }, cwd: home }), silentLog);
      apps.push(app);
      return app;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(apps.map((app) => app.stop()));
      await rm(home, { recursive: true });
    },
  };
}

const NODE_KEY = '1'.repeat(64);
/** Of that key. */
const NODE_PUBKEY = pubkeyOf('4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa');

/** Offers a model that it buys from the other. */
function fileOf(mintUrl: string, otherUrl: string): object {
  return {
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'other',
        kind: 'routstr',
        baseUrl: otherUrl,
        capSat: 200,
        // The other charges these prices and what its own purchase costs.
        belowCost: true,
        models: [
          {
            id: MODEL,
            context: 8_192,
            maxOutput: 400,
            price: { unit: 'sat', input: 5_000, output: 50_000 },
          },
        ],
      },
    ],
  };
}

test.each([false, true])(
  'two routers that buy from each other pass a request on once, and it costs nobody anything (stream: %s)',
  async (stream) => {
    await using stack = new AsyncDisposableStack();
    const mint = await startMint({ inputFeePpk: 100 });
    stack.defer(() => mint.close());
    const ports = [await steadyPort(), await steadyPort()] as const;
    const ways = [
      stack.use(await startLyingNode(`http://127.0.0.1:${ports[0]}`)),
      stack.use(await startLyingNode(`http://127.0.0.1:${ports[1]}`)),
    ] as const;
    const homes = [stack.use(await openHome()), stack.use(await openHome())] as const;
    const routers = [
      await homes[0].start(fileOf(mint.url, ways[1].url), ports[0]),
      await homes[1].start(fileOf(mint.url, ways[0].url), ports[1]),
    ] as const;
    for (const { money } of routers) await money.treasury.receive(mint.faucet(CAPITAL_SAT));
    const token = mint.faucet(500);

    const fields = { model: MODEL, stream, max_tokens: 100 };
    const answer = await chat(routers[0].url, token, { fields });

    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toMatch(/cashu[AB]|creq/);
    expect([ways[1].chats, ways[0].chats]).toEqual([1, 1]);
    expect(await refund(routers[0].url, token)).toMatchObject({ status: 200 });
    for (const { money } of routers) {
      const books = await money.store.read(checkBooks);
      expect(books.faults).toEqual([]);
      expect(books.revenueMsat).toBe(0n);
    }
  },
);

test('a router that is told to buy from itself does not start, and keeps nothing open', async () => {
  await using stack = new AsyncDisposableStack();
  const mint = await startMint();
  stack.defer(() => mint.close());
  const home = stack.use(await openHome());
  const provider = {
    id: 'me',
    kind: 'routstr',
    baseUrl: 'http://127.0.0.1:9',
    npub: NODE_PUBKEY,
    models: '*',
  };
  const file = { node: { key: 'env:NODE_KEY' }, mints: [mint.url], providers: [provider] };

  await expect(home.start(file, 0)).rejects.toThrow('it would buy from itself');
  await home.start({ ...file, providers: [{ ...provider, npub: undefined }] }, 0);
});
