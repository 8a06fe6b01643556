import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Mint, Wallet } from '@cashu/cashu-ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Books } from '../../src/demo/mint.ts';
import { startMint } from '../../src/demo/mint.ts';
import { startDemoProcess } from '../support/demo-process.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-mint-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a mint that is killed comes back with its keys, its money and its stuck proofs', async () => {
  const args = ['--state', join(folder, 'mint.jsonl'), '--fee', '100'];
  const first = await startDemoProcess('mint-process', args);
  const wallet = new Wallet(new Mint(first.url));
  await wallet.loadMint();
  const keysetId = wallet.keysetId;
  const token = await first.command<string>('faucet', { amount: 64 });
  const proofs = await wallet.receive(token);
  const stuck = await first.command<string>('faucet', { amount: 8 });
  await first.command('addFault', { path: '/v1/swap', kind: 'pending' });
  await expect(wallet.receive(stuck)).rejects.toThrow('fetch failed');
  const before = await first.command<Books>('books');
  await first.kill();

  const second = await startDemoProcess('mint-process', [
    ...args,
    '--port',
    new URL(first.url).port,
  ]);

  const again = new Wallet(new Mint(second.url));
  await again.loadMint();
  expect(again.keysetId).toBe(keysetId);
  expect(await second.command<Books>('books')).toEqual(before);
  await expect(again.receive(token)).rejects.toMatchObject({ code: 11001 });
  await expect(again.receive(stuck)).rejects.toMatchObject({ code: 11002 });
  await second.command('releaseStuck');
  await again.receive(stuck);
  const swapped = await again.receive({ mint: second.url, unit: 'sat', proofs });
  expect(swapped.reduce((sum, { amount }) => sum + amount.toNumber(), 0)).toBe(62);
  expect(await second.command('callCount', { path: '/v1/swap' })).toBe(4);
  await expect(second.command('pay', { quoteId: 'nobody' })).rejects.toThrow('unknown quote');
  await expect(second.command('dance')).rejects.toThrow('no such command');
  expect(await second.stop()).toBe(0);
});

test('a torn last line of the state file is forgotten, a foreign file and a foreign seed are refused', async () => {
  const stateFile = join(folder, 'mint.jsonl');
  const first = await startMint({ stateFile, fsync: true, seed: 'one' });
  first.faucet(5);
  const before = first.books();
  await first.close();
  await writeFile(stateFile, `${await readFile(stateFile, 'utf8')}{"spent":[{"Y`);

  const second = await startMint({ stateFile, seed: 'one' });
  expect(second.books()).toEqual(before);
  second.faucet(1);
  await second.close();
  const third = await startMint({ stateFile, seed: 'one' });
  expect(third.books().issued).toBe(6);
  await third.close();

  await expect(startMint({ stateFile, seed: 'two' })).rejects.toThrow('another seed');
  const foreign = join(folder, 'foreign.jsonl');
  await writeFile(foreign, '{"colour":"red"}\n');
  await expect(startMint({ stateFile: foreign })).rejects.toThrow('not a journal');
});

test('a model server in its own process answers, misbehaves when told and ends on SIGTERM', async () => {
  const model = await startDemoProcess('model-process', ['--model', 'one', '--api-key', 'k']);
  const ask = () =>
    fetch(`${model.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify({ model: 'one', messages: [{ role: 'user', content: 'hello' }] }),
    });

  expect((await ask()).status).toBe(200);
  await model.command('behaveNext', { oddity: 'status=503', times: 1 });
  expect((await ask()).status).toBe(503);
  expect(await model.command('counts')).toEqual({ requests: 2, aborted: 0 });
  await expect(model.command('behave', { oddity: 'mood=bad' })).rejects.toThrow('no such oddity');
  expect(await model.stop()).toBe(0);
});
