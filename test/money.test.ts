import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { loadConfig } from '../src/config.ts';
import { startMint } from '../src/demo/mint.ts';
import { silentLog } from '../src/lib/log.ts';
import { checkBooks, openMoney } from '../src/money.ts';
import type { Operation } from '../src/store/operation.ts';

function* nothing(): Operation<void> {}

test('the summary of the books tells what other nodes have of ours', async () => {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-money-'));
  const mint = await startMint();
  const provider = { id: 'p', kind: 'openai', baseUrl: 'http://127.0.0.1:1/v1', models: '*' };
  const file = { mints: [mint.url], bitcoin: { usd: 60_000 }, providers: [provider] };
  await writeFile(join(home, 'providers.json'), JSON.stringify(file));
  const flags = { home, config: join(home, 'providers.json') };
  const config = loadConfig({ flags, env: {}, cwd: home });
  const money = await openMoney(config, silentLog);
  await money.start();
  await money.treasury.receive(mint.faucet(100));
  await money.treasury.spend({ mintUrl: mint.url, sat: 64n, node: 'n1', record: nothing });
  await money.close();

  const books = await checkBooks(config, silentLog);
  await mint.close();
  await rm(home, { recursive: true });

  expect(books).toEqual({
    faults: [],
    coinsSat: 36n,
    capitalSat: 100n,
    summary:
      '0 requests charged 0 msat, 0 msat owed to payers, 36 sat in coins (36 sat ours), ' +
      '64000 msat at other nodes, 0 msat spent there and 0 msat lost, 0 open swaps',
  });
});
