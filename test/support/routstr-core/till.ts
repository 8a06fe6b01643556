import { createHash } from 'node:crypto';

import { getEncodedToken, Mint, Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';

import { loadCrypto } from '../../../src/crypto/load.ts';
import { createOutputCreator } from '../../../src/wallet/output-creator.ts';

/** One key of the node: a custodial balance in msat, named by the hash of the token that opened it. */
export interface KeyAccount {
  readonly key: string;
  balanceMsat: number;
  reservedMsat: number;
  /** What a repeated refund answers again. */
  refunded: { readonly token: string; readonly sats: string } | undefined;
}

/** The node's money: redeems tokens into balances and pays change out of one pool, as Routstr core does. */
export interface Till {
  /** The account that this token or `sk-` key opens; redeems a token that was never seen. Rejects when the mint refuses it. */
  open(credential: string): Promise<KeyAccount | undefined>;
  /** Redeems a token for one request; its worth in sat. */
  redeem(token: string): Promise<number>;
  /** A token worth `sat` out of the pool. */
  pay(sat: number): Promise<string>;
  accounts(): readonly KeyAccount[];
  /** What the pool is worth, sat. */
  worth(): number;
}

export async function openTill(mintUrl: string): Promise<Till> {
  const outputDataCreator = createOutputCreator(loadCrypto());
  const wallet = new Wallet(new Mint(mintUrl), { unit: 'sat', outputDataCreator });
  await wallet.loadMint();
  const accounts = new Map<string, Promise<KeyAccount>>();
  const settled: KeyAccount[] = [];
  let pool: Proof[] = [];
  let turn: Promise<unknown> = Promise.resolve();

  /** The pool is one: its coins are spent by one call at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  const redeem = (token: string): Promise<number> =>
    inTurn(async () => {
      const received = await wallet.receive(token);
      pool.push(...received);
      return worthOf(received);
    });

  async function openNew(token: string, key: string): Promise<KeyAccount> {
    const balanceMsat = (await redeem(token)) * 1000;
    const account = { key, balanceMsat, reservedMsat: 0, refunded: undefined };
    settled.push(account);
    return account;
  }

  return {
    redeem,
    async open(credential) {
      if (credential.startsWith('sk-')) return accounts.get(credential);
      const key = `sk-${createHash('sha256').update(credential).digest('hex')}`;
      const known = accounts.get(key);
      if (known !== undefined) return known;
      const opened = openNew(credential, key);
      accounts.set(key, opened);
      // A refused token may come again when the mint is back.
      opened.catch(() => accounts.delete(key));
      return opened;
    },
    pay: (sat) =>
      inTurn(async () => {
        const { keep, send } = await wallet.send(sat, pool, { includeFees: false });
        pool = keep;
        return getEncodedToken({ mint: mintUrl, unit: 'sat', proofs: send });
      }),
    accounts: () => settled,
    worth: () => worthOf(pool),
  };
}

function worthOf(proofs: readonly Proof[]): number {
  return proofs.reduce((sum, { amount }) => sum + Number(amount.toString()), 0);
}
