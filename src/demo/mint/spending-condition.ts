import { createHash } from 'node:crypto';

import type { Crypto } from '../../crypto/crypto.ts';
import { isRecord, listOf, parseJson, textOf } from '../json.ts';
import { MintError } from './mint-error.ts';
import { parseLock } from './p2pk-lock.ts';
import type { Lock } from './p2pk-lock.ts';
import type { Input, Output } from './wire.ts';

/**
 * Throws `MintError` unless every P2PK input may be spent now (NUT-11: SIG_INPUTS, SIG_ALL, multisig, locktime, refund).
 * A secret that means to be P2PK and is not well-formed is never spendable; other secrets are plain.
 */
export function checkConditions(
  crypto: Crypto,
  spending: {
    readonly inputs: readonly Input[];
    readonly outputs: readonly Output[];
    readonly quote?: string | undefined;
    readonly nowS: number;
  },
): void {
  const { inputs, nowS } = spending;
  const locks = inputs.map(({ secret }) => parseLock(secret));
  const first = locks[0];
  if (locks.some((lock) => lock?.signsAll === true)) {
    if (first === undefined || locks.some((lock) => lock?.conditions !== first.conditions)) {
      throw new MintError('badSignature', 'SIG_ALL inputs must share their conditions');
    }
    const message = messageOfAll(spending);
    checkLock(crypto, first, { message, witness: inputs[0]?.witness, nowS });
    return;
  }
  inputs.forEach(({ secret, witness }, at) => {
    const lock = locks[at];
    if (lock !== undefined) checkLock(crypto, lock, { message: secret, witness, nowS });
  });
}

function messageOfAll(spending: {
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly quote?: string | undefined;
}): string {
  return [
    ...spending.inputs.map(({ secret, C }) => secret + C),
    ...spending.outputs.map(({ amount, B_ }) => `${amount}${B_}`),
    spending.quote ?? '',
  ].join('');
}

function checkLock(
  crypto: Crypto,
  lock: Lock,
  attempt: {
    readonly message: string;
    readonly witness: string | undefined;
    readonly nowS: number;
  },
): void {
  const isExpired = lock.expiresAtS !== undefined && attempt.nowS > lock.expiresAtS;
  if (isExpired && lock.refundKeys.length === 0) return;
  const digest = createHash('sha256').update(attempt.message).digest();
  const signatures = parseSignatures(attempt.witness);
  if (countSigners(crypto, lock.keys, signatures, digest) >= lock.needed) return;
  if (isExpired && countSigners(crypto, lock.refundKeys, signatures, digest) >= lock.refundNeeded) {
    return;
  }
  throw new MintError('badSignature', 'a signature of the lock is missing or wrong');
}

function countSigners(
  crypto: Crypto,
  keys: readonly string[],
  signatures: readonly Uint8Array[],
  digest: Uint8Array,
): number {
  const signers = keys.filter((key) =>
    signatures.some((signature) =>
      crypto.schnorrVerify(signature, digest, Buffer.from(key.slice(2), 'hex')),
    ),
  );
  // one key under both parities is one signer
  return new Set(signers.map((key) => key.slice(2))).size;
}

function parseSignatures(witness: string | undefined): readonly Uint8Array[] {
  const parsed = witness === undefined ? undefined : parseJson(witness);
  const signatures = isRecord(parsed) ? (listOf(parsed['signatures']) ?? []) : [];
  return signatures.flatMap((signature) => {
    const hex = textOf(signature) ?? '';
    return /^[0-9a-f]{128}$/i.test(hex) ? [Buffer.from(hex, 'hex')] : [];
  });
}
