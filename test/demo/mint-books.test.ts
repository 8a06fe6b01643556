import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Proof } from '@cashu/cashu-ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { sumOf, walletOf } from './mint-wallet.ts';

const step = fc.record({
  kind: fc.constantFrom('faucet', 'swap', 'lose', 'melt', 'fail', 'rotate', 'restart'),
  amount: fc.integer({ min: 20, max: 300 }),
});

test('whatever happens, what is out is what the wallets hold or lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      const folder = await mkdtemp(join(tmpdir(), 'demo-mint-'));
      const options = { stateFile: join(folder, 'mint.jsonl'), inputFeePpk: 100, cacheTtlS: 60 };
      let mint = await startMint(options);
      let held: Proof[] = [];
      let lost = 0;
      try {
        for (const { kind, amount } of steps) {
          const wallet = await walletOf(mint.url);
          for (const { id } of held) await wallet.keyChain.ensureKeysetKeys(id);
          const token = { mint: mint.url, unit: 'sat', proofs: held };
          if (kind === 'faucet' || held.length === 0) {
            held.push(...wallet.decodeToken(mint.faucet(amount)).proofs);
          } else if (kind === 'swap') {
            held = await wallet.receive(token);
          } else if (kind === 'lose') {
            // a 4xx, since the wallet repeats a call after a 5xx
            mint.addFault({ path: '/v1/swap', kind: 'refuse', when: 'after', status: 418 });
            const before = mint.books();
            await expect(wallet.receive(token)).rejects.toThrow('refused on demand');
            lost += sumOf(held) - (mint.books().fees - before.fees);
            held = [];
          } else if (kind === 'melt' || kind === 'fail') {
            // A high fee may have eaten too much of it for the invoice and its reserve.
            if (sumOf(held) - Number(wallet.getFeesForProofs(held).toString()) < 12) continue;
            const quote = await wallet.createMeltQuoteBolt11(mint.invoice(10));
            mint.settleMelt(quote.quote, kind === 'melt' ? 'paid' : 'failed');
            const melting = wallet.meltProofsBolt11(quote, held);
            if (kind === 'melt') held = (await melting).change;
            else await expect(melting).rejects.toMatchObject({ code: 20_004 });
          } else if (kind === 'rotate') {
            mint.rotate('sat', amount);
          } else {
            await mint.close();
            mint = await startMint(options);
          }
          const books = mint.books();
          expect(books.outstanding).toBe(sumOf(held) + lost);
          expect(books.outstanding).toBe(books.paidIn - books.paidOut - books.fees);
        }
      } finally {
        await mint.close();
        await rm(folder, { recursive: true });
      }
    }),
    { numRuns: 12 },
  );
});
