import { randomBytes } from 'node:crypto';

import { Amount, OutputData, splitAmount } from '@cashu/cashu-ts';
import type {
  AmountLike,
  HasKeysetKeys,
  OutputDataCreator,
  OutputDataLike,
  P2PKOptions,
  Proof,
  SerializedBlindedSignature,
} from '@cashu/cashu-ts';

import type { Crypto } from '../crypto/crypto.ts';
import { deriveOutput } from '../crypto/nut13.ts';
import { randomScalar } from '../crypto/scalar.ts';
import { hexOf } from '../lib/hex.ts';

/**
 * For the `outputDataCreator` option of a cashu-ts Wallet: its outputs are blinded, unblinded and checked (NUT-12, where the
 * mint sends a DLEQ) by our crypto instead of cashu-ts' own, which takes 20 ms a proof. `toProof` throws on a wrong DLEQ.
 */
export function createOutputCreator(crypto: Crypto): OutputDataCreator {
  const random = (amount: AmountLike, keysetId: string): OutputDataLike =>
    outputOf(crypto, {
      keysetId,
      amount: Amount.from(amount),
      secret: Buffer.from(randomBytes(32).toString('hex')),
      r: randomScalar(),
    });

  const deterministic = (
    amount: AmountLike,
    seed: Uint8Array,
    counter: number,
    keysetId: string,
  ): OutputDataLike => {
    const { secret, r } = deriveOutput(seed, keysetId, BigInt(counter));
    const secretBytes = Buffer.from(secret);
    return outputOf(crypto, { keysetId, amount: Amount.from(amount), secret: secretBytes, r });
  };

  return {
    createSingleRandomData: random,
    createRandomData: (amount, keyset, customSplit) =>
      splitAmount(amount, keyset.keys, customSplit).map((part) => random(part, keyset.id)),
    createSingleDeterministicData: deterministic,
    // oxlint-disable-next-line eslint/max-params -- the signature is cashu-ts'
    createDeterministicData: (amount, seed, counter, keyset, customSplit) =>
      splitAmount(amount, keyset.keys, customSplit).map((part, i) =>
        deterministic(part, seed, counter + i, keyset.id),
      ),
    createSingleP2PKData: (p2pk: P2PKOptions, amount, keysetId) =>
      withProofBy(crypto, OutputData.createSingleP2PKData(p2pk, amount, keysetId)),
    createP2PKData: (p2pk, amount, keyset, customSplit) =>
      OutputData.createP2PKData(p2pk, amount, keyset, customSplit).map((output) =>
        withProofBy(crypto, output),
      ),
  };
}

interface OutputParts {
  readonly keysetId: string;
  readonly amount: Amount;
  readonly secret: Uint8Array;
  readonly r: Uint8Array;
}

function outputOf(crypto: Crypto, { keysetId, amount, secret, r }: OutputParts): OutputDataLike {
  const B_ = hexOf(crypto.blind(secret, r));
  return withProofBy(crypto, {
    blindedMessage: { amount, B_, id: keysetId },
    blindingFactor: BigInt(`0x${hexOf(r)}`),
    secret,
  });
}

type Blinded = Omit<OutputDataLike, 'toProof'>;

function withProofBy(crypto: Crypto, output: Blinded): OutputDataLike {
  const { blindedMessage, blindingFactor, secret, ephemeralE } = output;
  return {
    blindedMessage,
    blindingFactor,
    secret,
    ...(ephemeralE === undefined ? {} : { ephemeralE }),
    toProof: (signature, keyset) => proofOf(crypto, output, signature, keyset),
  };
}

function proofOf(
  crypto: Crypto,
  output: Blinded,
  signature: SerializedBlindedSignature,
  keyset: HasKeysetKeys,
): Proof {
  const keyHex = keyset.keys[signature.amount.toString()];
  if (keyHex === undefined)
    throw new Error('the mint signed an amount that its keyset does not have');
  const key = Buffer.from(keyHex, 'hex');
  const C_ = Buffer.from(signature.C_, 'hex');
  const r = Buffer.from(output.blindingFactor.toString(16).padStart(64, '0'), 'hex');
  const { dleq } = signature;
  if (dleq !== undefined) {
    const scalars = { e: Buffer.from(dleq.e, 'hex'), s: Buffer.from(dleq.s, 'hex') };
    const blinded = Buffer.from(output.blindedMessage.B_, 'hex');
    if (!crypto.verifySignatureDleq(blinded, C_, key, scalars)) {
      throw new Error('the mint made a signature without a valid DLEQ proof (NUT-12)');
    }
  }
  return {
    id: signature.id,
    amount: signature.amount,
    C: hexOf(crypto.unblind(C_, r, key)),
    secret: new TextDecoder().decode(output.secret),
    ...(dleq === undefined ? {} : { dleq: { e: dleq.e, s: dleq.s, r: hexOf(r) } }),
    ...(output.ephemeralE === undefined ? {} : { p2pk_e: output.ephemeralE }),
  };
}

/** Below 2^255 and so surely below the order; the lost bit of randomness costs nothing. */
