import type { Dleq } from '../crypto/crypto.ts';
import type { KeysetListing } from './keyset.ts';

/** NUT-00 BlindSignature; well-formed, its DLEQ is not verified yet. */
export interface BlindSignature {
  /** Full keyset id. */
  readonly id: string;
  readonly amount: bigint;
  readonly C_: Uint8Array;
  readonly dleq: Dleq | undefined;
}

export type ProofState = 'UNSPENT' | 'PENDING' | 'SPENT';

export interface MintInfo {
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Numbers of the NUTs that the mint says it supports. */
  readonly nuts: ReadonlySet<number>;
}

/** The HTTP API of one mint. Every method rejects with `MintFailure` and with nothing else. */
export interface MintClient {
  info(): Promise<MintInfo>;
  /** NUT-02. Keysets of versions we do not understand are left out. */
  keysets(): Promise<readonly KeysetListing[]>;
  /** NUT-01 keys of one keyset, amount to 33-byte key; not verified. */
  keys(id: string): Promise<ReadonlyMap<bigint, Uint8Array>>;
  /** NUT-03. Sends exactly these bytes, once. The signatures come in the order of the body's outputs. */
  swap(body: Uint8Array): Promise<readonly BlindSignature[]>;
  /** NUT-09, in the order of `blinded` (outputs of one keyset): the signature of each that the mint ever signed. */
  restore(
    keyset: string,
    blinded: readonly Uint8Array[],
  ): Promise<readonly (BlindSignature | undefined)[]>;
  /** NUT-07, in the order of `ys`. */
  check(ys: readonly Uint8Array[]): Promise<readonly ProofState[]>;
  close(): Promise<void>;
}
