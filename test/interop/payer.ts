import { setTimeout as sleep } from 'node:timers/promises';

import { getEncodedToken, Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';

import { keepOutOfLogs } from '../support/test-log.ts';

/** An unmodified cashu-ts wallet: it knows the mint and nothing of us. */
export interface Payer {
  /** Mints a token against a paid quote. */
  fund(sat: number): Promise<string>;
  /** What a token is worth on its face, in msat, and what its mint takes for spending it. */
  read(token: string): { readonly msat: number; readonly feeMsat: number; readonly coins: number };
  /** Redeems a token; the msat that came in. Rejects when the mint refuses it. */
  receive(token: string): Promise<number>;
  /** Redeems a token, and makes a fresh one of what came in. */
  renew(token: string): Promise<string>;
}

const QUOTE_POLLS = 100;

export async function createPayer(mintUrl: string): Promise<Payer> {
  const wallet = new Wallet(mintUrl, { unit: 'sat', requireSigDleq: true });
  await wallet.loadMint();

  function encode(proofs: Proof[]): string {
    const token = getEncodedToken({ mint: mintUrl, unit: 'sat', proofs }, { removeDleq: true });
    keepOut(token, proofs);
    return token;
  }
  async function redeem(token: string): Promise<Proof[]> {
    keepOut(token, wallet.decodeToken(token).proofs);
    // Change has no DLEQ in it; the mint's own signatures on what we get for it do.
    return wallet.receive(token, { requireDleq: false });
  }
  return {
    async fund(sat) {
      const { quote } = await wallet.createMintQuoteBolt11(sat);
      for (let poll = 0; poll < QUOTE_POLLS; poll++) {
        const { state } = await wallet.checkMintQuoteBolt11(quote);
        if (state === 'PAID') return encode(await wallet.mintProofsBolt11(sat, quote));
        await sleep(50);
      }
      throw new Error('the quote was never paid');
    },
    read(token) {
      const { proofs } = wallet.decodeToken(token);
      return {
        msat: worth(proofs),
        feeMsat: Number(wallet.getFeesForProofs(proofs)) * 1000,
        coins: proofs.length,
      };
    },
    receive: async (token) => worth(await redeem(token)),
    renew: async (token) => encode(await redeem(token)),
  };
}

function worth(proofs: readonly Proof[]): number {
  return proofs.reduce((sum, { amount }) => sum + Number(amount.toString()) * 1000, 0);
}

function keepOut(token: string, proofs: readonly Proof[]): void {
  for (const text of [token, ...proofs.flatMap(({ secret, C }) => [secret, C])])
    keepOutOfLogs(text);
}
