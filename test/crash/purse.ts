import { getEncodedToken, Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';

import type { Crypto } from '../../src/crypto/crypto.ts';
import { loadCrypto } from '../../src/crypto/load.ts';
import { createOutputCreator } from '../../src/wallet/output-creator.ts';

/** An independent wallet, cashu-ts', that says what tokens are worth by spending them. */
export interface Purse {
  /** The coins of a token. */
  coinsOf(token: string): readonly Coin[];
  /** NUT-07 states of coins by their Y (hex), in order. */
  states(ys: readonly string[]): Promise<readonly string[]>;
  /** Which of these coins the mint calls unspent. Throws when one is PENDING. */
  unspent(coins: readonly Coin[]): Promise<readonly Coin[]>;
  /**
   * Spends the coins for fresh ones; sat after the mint's fee. Coins worth no more than their fee, which no mint swaps alone, are
   * looked up and kept as they are. Rejects when the mint refuses one of them.
   */
  receive(coins: readonly Coin[]): Promise<Received>;
}

export interface Coin {
  readonly proof: Proof;
  /** Hex. */
  readonly y: string;
}

export interface Received {
  /** After the mint's fee. */
  readonly sat: number;
  /** The coins as they are now. */
  readonly token: string;
}

const MAX_INPUTS = 400;
const MAX_YS = 500;

export async function openPurse(mintUrl: string): Promise<Purse> {
  const crypto = loadCrypto();
  const outputDataCreator = createOutputCreator(crypto);
  const wallet = new Wallet(mintUrl, { unit: 'sat', outputDataCreator });
  await wallet.loadMint();
  const states = async (ys: readonly string[]): Promise<readonly string[]> => {
    const found: string[] = [];
    for (let start = 0; start < ys.length; start += MAX_YS)
      found.push(...(await checkStates(mintUrl, ys.slice(start, start + MAX_YS))));
    return found;
  };
  return {
    states,
    coinsOf: (token) =>
      wallet.decodeToken(token).proofs.map((proof) => ({ proof, y: yOf(crypto, proof) })),
    async unspent(coins) {
      const found = await states(coins.map(({ y }) => y));
      if (found.includes('PENDING')) throw new Error('the mint keeps a coin PENDING');
      return coins.filter((_, index) => found[index] === 'UNSPENT');
    },
    async receive(coins) {
      const all: Proof[] = [];
      for (let start = 0; start < coins.length; start += MAX_INPUTS) {
        const some = coins.slice(start, start + MAX_INPUTS);
        const proofs = some.map(({ proof }) => plain(proof));
        if (worthOf(some) > Number(wallet.getFeesForProofs(proofs).toString()))
          all.push(
            ...(await wallet.receive(getEncodedToken({ mint: mintUrl, proofs, unit: 'sat' }))),
          );
        else all.push(...(await mustBeUnspent(some, states)));
      }
      const sat = all.reduce((sum, proof) => sum + Number(proof.amount.toString()), 0);
      const proofs = all.map(plain);
      return { sat, token: getEncodedToken({ mint: mintUrl, proofs, unit: 'sat' }) };
    },
  };
}

export function worthOf(coins: readonly Coin[]): number {
  return coins.reduce((sum, { proof }) => sum + Number(proof.amount.toString()), 0);
}

/** Without what a token may carry beside the coin itself. */
function plain({ id, amount, secret, C }: Proof): Proof {
  return { id, amount, secret, C };
}

function yOf(crypto: Crypto, { secret }: Proof): string {
  return Buffer.from(crypto.hashToCurve(Buffer.from(secret))).toString('hex');
}

async function mustBeUnspent(
  coins: readonly Coin[],
  statesOf: Purse['states'],
): Promise<readonly Proof[]> {
  const found = await statesOf(coins.map(({ y }) => y));
  if (found.some((state) => state !== 'UNSPENT')) throw new Error(`coins are ${found.join(', ')}`);
  return coins.map(({ proof }) => proof);
}

async function checkStates(mintUrl: string, ys: readonly string[]): Promise<readonly string[]> {
  const response = await fetch(`${mintUrl}/v1/checkstate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ Ys: ys }),
  });
  const { states } = (await response.json()) as { states: readonly { state: string }[] };
  return states.map(({ state }) => state);
}
