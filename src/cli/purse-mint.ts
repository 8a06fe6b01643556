import { randomBytes } from 'node:crypto';

import type { Crypto } from '../crypto/crypto.ts';
import { randomScalar } from '../crypto/scalar.ts';
import { hexOf } from '../lib/hex.ts';
import { ACCEPTED_UNIT, feeOf, isKeysetId, keysetWithKeys } from '../wallet/keyset.ts';
import type { Keyset, KeysetListing } from '../wallet/keyset.ts';
import type { MintClient } from '../wallet/mint-client.ts';
import { MintFailure } from '../wallet/mint-failure.ts';
import type { BlindSignature, ProofState } from '../wallet/mint-wire.ts';
import type { ProofText } from '../wallet/token-text.ts';
import type { BlankCoin, PurseCoin, SwapEntry } from './purse-file.ts';

/** A mint as a purse needs it. Methods that return a promise reject with MintFailure. */
export interface PurseMint {
  readonly url: string;
  /** For new coins: active, of the lowest fee. */
  readonly active: Keyset;
  /** NUT-02 input fee of spending these coins. Throws when one is of a keyset that the mint does not have. */
  feeOf(coins: readonly PurseCoin[]): bigint;
  ppkOf(coin: PurseCoin): bigint;
  /** A token's proofs with their full keyset ids. Throws when the mint does not list one. */
  coinsOf(proofs: readonly ProofText[]): PurseCoin[];
  /** Sends a swap, once, and unblinds what it brings. */
  swap(entry: SwapEntry): Promise<PurseCoin[]>;
  /** The outputs of a swap if the mint signed them (NUT-09), else undefined. */
  restore(entry: SwapEntry): Promise<PurseCoin[] | undefined>;
  /** NUT-07 states, in the order of `coins`. */
  states(coins: readonly PurseCoin[]): Promise<readonly ProofState[]>;
}

/** Blank coins of these amounts, smallest first, with fresh random secrets. */
export function blankCoins(amounts: readonly bigint[]): BlankCoin[] {
  return amounts
    .toSorted((a, b) => Number(a - b))
    .map((amount) => ({
      amount,
      secret: randomBytes(32).toString('hex'),
      r: hexOf(randomScalar()),
    }));
}

/** Asks a mint for its keysets. Rejects with MintFailure. */
export async function openPurseMint(
  url: string,
  client: MintClient,
  crypto: Crypto,
): Promise<PurseMint> {
  const keysets = await fetchKeysets(client);
  const active = [...keysets.values()]
    .filter((keyset) => keyset.active)
    .toSorted((a, b) => Number(a.ppk - b.ppk))[0];
  if (active === undefined) {
    throw new MintFailure('rejected', `${url} issues no coins of unit ${ACCEPTED_UNIT}`);
  }
  const ppkOf = (coin: PurseCoin): bigint => {
    const keyset = keysets.get(coin.keyset);
    if (keyset === undefined) throw unknownKeyset(url);
    return keyset.ppk;
  };
  return {
    url,
    active,
    ppkOf,
    feeOf: (coins) => feeOf(coins.map((coin) => ({ ppk: ppkOf(coin) }))),
    coinsOf: (proofs) =>
      proofs.map(({ keyset, amount, secret, C }) => {
        const [full, ...others] = [...keysets.keys()].filter((id) => id.startsWith(keyset));
        if (full === undefined || others.length > 0) throw unknownKeyset(url);
        return { mint: url, keyset: full, amount, secret, C: hexOf(C) };
      }),
    async swap(entry) {
      const signatures = await client.swap(bodyOf(entry, crypto));
      return unblind(entry, signatures, await keysetFor(entry, keysets, client), crypto);
    },
    async restore(entry) {
      const blinded = entry.outputs.map((output) => blind(output, crypto));
      const signatures = await client.restore(entry.keyset, blinded);
      const found = signatures.filter((signature) => signature !== undefined);
      if (found.length === 0) return undefined;
      return unblind(entry, found, await keysetFor(entry, keysets, client), crypto);
    },
    states: (coins) =>
      client.check(coins.map(({ secret }) => crypto.hashToCurve(Buffer.from(secret, 'utf8')))),
  };
}

/** All keysets of our unit; only active ones with their keys, which are proven to belong to the id. */
async function fetchKeysets(client: MintClient): Promise<Map<string, Keyset>> {
  const keysets = new Map<string, Keyset>();
  for (const listing of await client.keysets()) {
    if (listing.unit !== ACCEPTED_UNIT) continue;
    const keyset = listing.active
      ? await withKeys(listing, client)
      : keysetWithKeys(listing, new Map());
    keysets.set(keyset.id, keyset);
  }
  return keysets;
}

async function withKeys(listing: KeysetListing, client: MintClient): Promise<Keyset> {
  const keys = await client.keys(listing.id);
  if (isKeysetId(listing, keys)) return keysetWithKeys(listing, keys);
  throw new MintFailure('rejected', `the keyset ${listing.id} does not match its keys`);
}

/** A swap of before a rotation has outputs of a keyset that is not active any more. */
async function keysetFor(
  entry: SwapEntry,
  keysets: ReadonlyMap<string, Keyset>,
  client: MintClient,
): Promise<Keyset> {
  const keyset = keysets.get(entry.keyset);
  if (keyset === undefined) throw unknownKeyset(entry.mint);
  return keyset.keys.size > 0 ? keyset : withKeys(keyset, client);
}

function bodyOf(entry: SwapEntry, crypto: Crypto): Uint8Array {
  const inputs = entry.inputs.map(({ keyset, amount, secret, C }) => ({
    id: keyset,
    amount: Number(amount),
    secret,
    C,
  }));
  const outputs = entry.outputs.map((output) => ({
    id: entry.keyset,
    amount: Number(output.amount),
    B_: hexOf(blind(output, crypto)),
  }));
  return Buffer.from(JSON.stringify({ inputs, outputs }));
}

function blind(output: BlankCoin, crypto: Crypto): Uint8Array {
  return crypto.blind(Buffer.from(output.secret, 'utf8'), Buffer.from(output.r, 'hex'));
}

/** Throws MintFailure `unknown` on anything but one good signature per output: the swap stays open. */
function unblind(
  entry: SwapEntry,
  signatures: readonly BlindSignature[],
  keyset: Keyset,
  crypto: Crypto,
): PurseCoin[] {
  if (signatures.length !== entry.outputs.length) throw notWhatWeAsked(entry);
  return entry.outputs.map((output, index) => {
    const signature = signatures[index];
    const key = keyset.keys.get(output.amount);
    const isAsked = signature?.amount === output.amount && signature.id === entry.keyset;
    if (signature === undefined || key === undefined || !isAsked) throw notWhatWeAsked(entry);
    const { dleq, C_ } = signature;
    // Some mints leave the DLEQ out of restored signatures; a wrong one is never taken.
    const isProven =
      dleq === undefined || crypto.verifySignatureDleq(blind(output, crypto), C_, key, dleq);
    if (!isProven) throw notWhatWeAsked(entry);
    const C = crypto.unblind(C_, Buffer.from(output.r, 'hex'), key);
    return {
      mint: entry.mint,
      keyset: entry.keyset,
      amount: output.amount,
      secret: output.secret,
      C: hexOf(C),
    };
  });
}

function notWhatWeAsked(entry: SwapEntry): MintFailure {
  return new MintFailure('unknown', `${entry.mint} did not answer with the signatures asked for`);
}

function unknownKeyset(url: string): Error {
  return new Error(`${url} does not know the keyset of a coin`);
}
