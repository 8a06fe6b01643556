import { JSONInt } from '@cashu/cashu-ts';

import type { Dleq } from '../crypto/crypto.ts';
import { hexOf } from '../lib/hex.ts';
import { keysetVersion, MAX_KEYS_PER_KEYSET } from './keyset.ts';
import type { KeysetListing } from './keyset.ts';
import { MintFailure } from './mint-failure.ts';

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

type Fields = Readonly<Record<string, unknown>>;

/** More keysets than any mint has rotated through; the rest of a longer list is ignored. */
const MAX_KEYSETS = 1000;
const MAX_UNIT_CHARS = 32;
const MAX_NAME_CHARS = 200;
/** No fee above a whole unit per coin is believed. */
const MAX_PPK = 1_000_000n;
const MAX_U64 = 2n ** 64n - 1n;

/** The JSON object of a 200 answer. This and the readers below throw MintFailure `unknown` on what no mint should send. */
export function readObject(body: Uint8Array): Fields {
  let parsed: unknown;
  try {
    parsed = JSONInt.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // The cause is dropped: parse errors quote the body.
    throw malformed('no JSON');
  }
  return fieldsOf(parsed);
}

export function readInfo(answer: Fields): MintInfo {
  const nuts = answer['nuts'] === undefined ? {} : fieldsOf(answer['nuts']);
  const supported = Object.entries(nuts).filter(([, about]) => {
    const isOff = isFields(about) && (about['supported'] === false || about['disabled'] === true);
    return !isOff;
  });
  return {
    name: shortText(answer['name']),
    version: shortText(answer['version']),
    nuts: new Set(supported.map(([number]) => Number(number)).filter(Number.isSafeInteger)),
  };
}

export function readKeysets(answer: Fields): KeysetListing[] {
  const listings: KeysetListing[] = [];
  for (const item of listOf(answer['keysets']).slice(0, MAX_KEYSETS)) {
    const fields = fieldsOf(item);
    const { id, unit } = fields;
    if (typeof id !== 'string' || keysetVersion(id) === undefined) continue;
    if (typeof unit !== 'string' || unit.length > MAX_UNIT_CHARS)
      throw malformed('a keyset without unit');
    listings.push({
      id,
      unit,
      active: fields['active'] === true,
      ppk: optionalInteger(fields['input_fee_ppk'], MAX_PPK) ?? 0n,
      expiryS: optionalInteger(fields['final_expiry'], MAX_U64) || undefined,
    });
  }
  return listings;
}

/** The keys of keyset `id` in an answer to /v1/keys/{id}. */
export function readKeys(answer: Fields, id: string): Map<bigint, Uint8Array> {
  const keyset = listOf(answer['keysets'])
    .map(fieldsOf)
    .find((candidate) => candidate['id'] === id);
  if (keyset === undefined) throw malformed('another keyset');
  const entries = Object.entries(fieldsOf(keyset['keys']));
  if (entries.length > MAX_KEYS_PER_KEYSET) throw malformed('too many keys');
  return new Map(
    entries.map(([amount, key]) => {
      if (!/^[1-9]\d{0,19}$/.test(amount)) throw malformed('a key without an amount');
      return [BigInt(amount), hexBytes(key, 33)];
    }),
  );
}

export function readSignatures(answer: Fields): BlindSignature[] {
  return listOf(answer['signatures']).map(signatureOf);
}

/** NUT-09 answers with the outputs it knows, in any order; this aligns them with what was asked. */
export function readRestored(
  answer: Fields,
  blinded: readonly Uint8Array[],
): (BlindSignature | undefined)[] {
  const outputs = listOf(answer['outputs']).map((output) => hexText(fieldsOf(output)['B_']));
  const signatures = readSignatures(answer);
  if (outputs.length !== signatures.length) throw malformed('outputs without signatures');
  const byOutput = new Map(outputs.map((B_, i) => [B_, signatures[i]]));
  return blinded.map((B_) => byOutput.get(hexOf(B_)));
}

export function readStates(answer: Fields, ys: readonly Uint8Array[]): ProofState[] {
  const states = new Map<string, ProofState>();
  for (const item of listOf(answer['states'])) {
    const { Y, state } = fieldsOf(item);
    if (state !== 'UNSPENT' && state !== 'PENDING' && state !== 'SPENT') {
      throw malformed('an unknown proof state');
    }
    states.set(hexText(Y), state);
  }
  return ys.map((y) => {
    const state = states.get(hexOf(y));
    if (state === undefined) throw malformed('no state for a proof');
    return state;
  });
}

function signatureOf(value: unknown): BlindSignature {
  const { id, amount, C_, dleq } = fieldsOf(value);
  const whole = optionalInteger(amount, MAX_U64);
  if (typeof id !== 'string' || whole === undefined) throw malformed('a signature without amount');
  return {
    id,
    amount: whole,
    C_: hexBytes(C_, 33),
    dleq: dleq === undefined || dleq === null ? undefined : dleqOf(fieldsOf(dleq)),
  };
}

function dleqOf({ e, s }: Fields): Dleq {
  return { e: hexBytes(e, 32), s: hexBytes(s, 32) };
}

function optionalInteger(value: unknown, max: bigint): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  const whole = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof whole !== 'bigint' || whole < 0n || whole > max)
    throw malformed('a number out of range');
  return whole;
}

function hexBytes(value: unknown, length: number): Uint8Array {
  const hex = hexText(value);
  if (hex.length !== 2 * length || !/^[0-9a-f]*$/.test(hex))
    throw malformed('no hex where bytes belong');
  return Buffer.from(hex, 'hex');
}

function hexText(value: unknown): string {
  if (typeof value !== 'string') throw malformed('no hex where bytes belong');
  return value.toLowerCase();
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_NAME_CHARS) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed('no list where one belongs');
  return value;
}

function fieldsOf(value: unknown): Fields {
  if (!isFields(value)) throw malformed('no object where one belongs');
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string): MintFailure {
  return new MintFailure('unknown', `the mint answered 200 with ${what}`);
}
