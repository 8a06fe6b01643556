import { createHash } from 'node:crypto';

import { deriveKeysetId } from '@cashu/cashu-ts';

import type { Crypto, Dleq } from '../../src/crypto/crypto.ts';
import { keysetWithKeys } from '../../src/wallet/keyset.ts';
import type { Keyset } from '../../src/wallet/keyset.ts';
import { isExpired } from '../../src/wallet/mint-keysets.ts';
import { canonicalMintUrl } from '../../src/wallet/mint-url.ts';
import type { Mint, Mints } from '../../src/wallet/mints.ts';

/** One keyset with its private keys, that signs whatever a test asks for. */
export interface Issuer {
  readonly keyset: Keyset;
  readonly id: string;
  /** Keys as NUT-01 shows them. */
  readonly publicKeys: Readonly<Record<string, string>>;
  coin(amount: bigint, secret?: string): IssuedCoin;
  sign(amount: bigint, blinded: Uint8Array): { readonly C_: Uint8Array; readonly dleq: Dleq };
  /** Would the mint take this coin? */
  isMine(amount: bigint, secret: string, C: Uint8Array): boolean;
}

export interface IssuedCoin {
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  readonly C: Uint8Array;
  readonly dleq: { readonly e: Uint8Array; readonly s: Uint8Array; readonly r: Uint8Array };
}

export interface IssuerOptions {
  readonly seed?: string;
  readonly unit?: string;
  readonly ppk?: number;
  readonly version?: 0 | 1;
  readonly active?: boolean;
  readonly expiryS?: number;
  readonly orders?: number;
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

export function createIssuer(crypto: Crypto, options: IssuerOptions = {}): Issuer {
  const { seed = 'issuer', unit = 'sat', ppk = 0, version = 1, orders = 12, expiryS } = options;
  const privateKeys = new Map<bigint, Uint8Array>();
  const keys = new Map<bigint, Uint8Array>();
  for (let order = 0; order < orders; order += 1) {
    const privateKey = hash(`${seed}/${order}`);
    privateKeys.set(2n ** BigInt(order), privateKey);
    keys.set(2n ** BigInt(order), Buffer.from(crypto.publicKey(privateKey)));
  }
  const publicKeys = Object.fromEntries(
    [...keys].map(([amount, key]) => [String(amount), Buffer.from(key).toString('hex')]),
  );
  const id = deriveKeysetId(publicKeys, {
    versionByte: version,
    unit,
    input_fee_ppk: ppk,
    ...(expiryS === undefined ? {} : { expiry: expiryS }),
  });
  const keyset = keysetWithKeys(
    {
      id,
      unit,
      active: options.active ?? true,
      ppk: BigInt(ppk),
      expiryS: expiryS === undefined ? undefined : BigInt(expiryS),
    },
    keys,
  );
  const keyOf = (amount: bigint): Uint8Array => privateKeys.get(amount) ?? new Uint8Array();
  const sign = (amount: bigint, blinded: Uint8Array) => {
    const C_ = crypto.signBlinded(blinded, keyOf(amount));
    return { C_, dleq: crypto.proveDleq(blinded, C_, keyOf(amount)) };
  };
  let made = 0;
  return {
    id,
    keyset,
    publicKeys,
    coin(amount, given) {
      made += 1;
      const secret = given ?? hash(`${seed}/secret/${made}`).toString('hex');
      const bytes = Buffer.from(secret, 'utf8');
      const r = hash(`${seed}/r/${made}`);
      const { C_, dleq } = sign(amount, crypto.blind(bytes, r));
      const C = crypto.unblind(C_, r, keys.get(amount) ?? new Uint8Array());
      return { keyset: id, amount, secret, C, dleq: { ...dleq, r } };
    },
    sign,
    isMine: (amount, secret, C) =>
      crypto.verifyProof(Buffer.from(secret, 'utf8'), C, keyOf(amount)),
  };
}

/** Configured mints without network: only what reading a token needs. */
export function mintsOf(mints: Readonly<Record<string, readonly Keyset[]>>): Mints {
  const byUrl = new Map(
    Object.entries(mints).map(([url, keysets]) => [url, offlineMint(url, keysets)]),
  );
  return {
    all: [...byUrl.values()],
    byUrl(text) {
      return URL.canParse(text) ? byUrl.get(canonicalMintUrl(text)) : undefined;
    },
    byId: () => undefined,
    isExpired: (keyset) => isExpired(keyset, { now: () => 1_900_000_000_000 }),
    refresh: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function offlineMint(url: string, keysets: readonly Keyset[]): Mint {
  const mint: Partial<Mint> = {
    id: 1n,
    url,
    away: keysets.length === 0,
    keysetsMatching: (id) =>
      keysets.filter((keyset) => keyset.id === id || keyset.id.slice(0, 16) === id),
  };
  return mint as Mint;
}
