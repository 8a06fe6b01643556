import { expect, test } from 'vitest';

import { createKeySigner, createThrowawaySigner } from '../../src/nostr/signer.ts';
import { createVerifier } from '../../src/nostr/verifier.ts';
import { signerNumber } from './events.ts';

const template = { kind: 38_421, created_at: 1_763_700_000, tags: [['d', 'node']], content: '{}' };
const verifier = await createVerifier();

test('what a node publishes is signed, and the template stays as it was', async () => {
  const given = Object.freeze({ ...template, tags: Object.freeze(template.tags) });

  const event = await signerNumber(1).sign(given);

  expect(event).toMatchObject(template);
  expect(given).toStrictEqual(template);
  expect(event.pubkey).toBe('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
  expect(Object.getOwnPropertySymbols(event)).toStrictEqual([]);
  await expect(verifier.verify(event)).resolves.toBe(true);
});

test.each([5, 10_002, 22_242, 27_235, 38_421, 38_425])(
  'a node signs events of kind %d',
  async (kind) => {
    const event = await signerNumber(1).sign({ ...template, kind });

    await expect(verifier.verify(event)).resolves.toBe(true);
  },
);

test.each([0, 1, 3, 4, 1_059, 9_734, 13_194, 23_194, 30_078, 38_000, 38_423])(
  'a node refuses to sign events of kind %d',
  async (kind) => {
    await expect(signerNumber(1).sign({ ...template, kind })).rejects.toThrow(`of kind ${kind}`);
  },
);

test('a throwaway key signs only for authentication at relays', async () => {
  const signer = createThrowawaySigner();

  await expect(signer.sign(template)).rejects.toThrow('of kind 38421');
  const event = await signer.sign({ ...template, kind: 22_242 });
  await expect(verifier.verify(event)).resolves.toBe(true);
});

test('a closed signer signs nothing any more', async () => {
  const signer = signerNumber(1);
  await signer.close();
  await signer.close();

  await expect(signer.sign(template)).rejects.toThrow('closed');
});

test('the signer keeps its own copy of the key', async () => {
  const key = new Uint8Array(32).fill(7);
  const signer = createKeySigner(key);
  key.fill(0);

  const event = await signer.sign(template);

  await expect(verifier.verify(event)).resolves.toBe(true);
});

test.each([
  ['all zeros', new Uint8Array(32)],
  ['too few bytes', new Uint8Array(31).fill(1)],
  ['beyond the order of the curve', new Uint8Array(32).fill(255)],
])('%s are no key', (_name, key) => {
  expect(() => createKeySigner(key)).toThrow('no secret key');
});
