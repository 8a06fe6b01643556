import { Amount, OutputData } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { createOutputCreator } from '../../src/wallet/output-creator.ts';
import { createIssuer } from './issuer.ts';

const crypto = loadCrypto();
const creator = createOutputCreator(crypto);
const issuer = createIssuer(crypto);
const keyset = { id: issuer.id, keys: { ...issuer.publicKeys } };
const seed = new Uint8Array(64).fill(9);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function sign(output: { blindedMessage: { amount: Amount; B_: string } }) {
  const { amount, B_ } = output.blindedMessage;
  const { C_, dleq } = issuer.sign(amount.toBigInt(), Buffer.from(B_, 'hex'));
  return { id: issuer.id, amount, C_: hex(C_), dleq: { e: hex(dleq.e), s: hex(dleq.s) } };
}

test('deterministic outputs are those of cashu-ts', () => {
  const ours = creator.createDeterministicData(13, seed, 5, keyset);
  const theirs = OutputData.createDeterministicData(13, seed, 5, keyset);

  const plain = ours.map(({ blindedMessage, blindingFactor, secret }) => [
    blindedMessage,
    blindingFactor,
    hex(secret),
  ]);
  expect(plain).toEqual(
    theirs.map(({ blindedMessage, blindingFactor, secret }) => [
      blindedMessage,
      blindingFactor,
      hex(secret),
    ]),
  );
  expect(creator.createSingleDeterministicData(8, seed, 5, keyset.id).blindedMessage).toEqual(
    ours[0]?.blindedMessage,
  );
});

test('a signed output becomes the proof that cashu-ts would make of it', () => {
  const output = creator.createSingleRandomData(8, keyset.id);
  const theirs = new OutputData(output.blindedMessage, output.blindingFactor, output.secret);
  const signature = sign(output);

  const proof = output.toProof(signature, keyset);

  expect(proof).toEqual(theirs.toProof(signature, keyset));
  expect(issuer.isMine(8n, proof.secret, Buffer.from(proof.C, 'hex'))).toBe(true);
});

test('random outputs make the amount and never repeat', () => {
  const outputs = [
    ...creator.createRandomData(11, keyset),
    ...creator.createRandomData(11, keyset),
  ];

  expect(outputs.map(({ blindedMessage }) => blindedMessage.amount.toNumber())).toEqual([
    8, 2, 1, 8, 2, 1,
  ]);
  expect(new Set(outputs.map(({ blindedMessage }) => blindedMessage.B_)).size).toBe(6);
  expect(new Set(outputs.map(({ secret }) => hex(secret))).size).toBe(6);
});

test('locked outputs keep their lock', () => {
  const pubkey = issuer.publicKeys['1'] ?? '';
  const [output] = creator.createP2PKData({ pubkey }, 4, keyset);
  const single = creator.createSingleP2PKData({ pubkey }, 4, keyset.id);

  const proofs = [output, single].map((one) => one?.toProof(sign(one), keyset));

  expect(
    proofs.every((proof) => proof?.secret.startsWith('["P2PK"') && proof.secret.includes(pubkey)),
  ).toBe(true);
  expect(
    proofs.every((proof) =>
      issuer.isMine(4n, proof?.secret ?? '', Buffer.from(proof?.C ?? '', 'hex')),
    ),
  ).toBe(true);
});

test('a signature with a wrong DLEQ, or of an amount without key, is no proof', () => {
  const output = creator.createSingleRandomData(8, keyset.id);
  const signature = sign(output);
  const foreign = sign(creator.createSingleRandomData(8, keyset.id));

  expect(() => output.toProof({ ...signature, dleq: foreign.dleq }, keyset)).toThrow('NUT-12');
  expect(() => output.toProof({ ...signature, C_: foreign.C_ }, keyset)).toThrow('NUT-12');
  expect(() => output.toProof({ ...signature, amount: Amount.from(3) }, keyset)).toThrow('amount');
});
