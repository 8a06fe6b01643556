import { createHash } from 'node:crypto';

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { expect, test } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { decodeBech32, encodeBech32, regroup } from '../../src/demo/mint/bech32.ts';
import { invoiceMsat, makeInvoice } from '../../src/demo/mint/invoice.ts';

const nodeKey = Buffer.alloc(32, 7);
const crypto = loadCrypto();

function invoice(amountMsat: number, preimage = Buffer.alloc(32, 1)): string {
  return makeInvoice(crypto, {
    amountMsat,
    preimage,
    nodeKey,
    description: 'for tests',
    createdAtS: 1_750_000_000,
    expiresInS: 3600,
  });
}

test('an invoice says its amount in msat', () => {
  for (const msat of [1, 99, 100, 1000, 21_000, 123_456_789, 10 ** 11]) {
    expect(invoiceMsat(invoice(msat))).toBe(msat);
  }
});

test('amounts of other networks and units are read, BOLT-11 own examples among them', () => {
  const example =
    'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh';
  expect(invoiceMsat(example)).toBe(250_000_000);
  expect(invoiceMsat(example.toUpperCase())).toBe(250_000_000);
  expect(invoiceMsat(example.replace('xqzpu', 'xqzpq'))).toBeUndefined();
  expect(invoiceMsat('lnbc1qqqqqq')).toBeUndefined();
  expect(invoiceMsat('')).toBeUndefined();
});

test('an invoice is signed by the key of its node, and carries the hash of the preimage', () => {
  for (let turn = 0; turn < 20; turn++) {
    const preimage = createHash('sha256').update(`${turn}`).digest();
    const decoded = decodeBech32(invoice(21_000, preimage));
    const words = decoded?.words ?? [];
    const signature = Buffer.from(regroup(words.slice(-104), 5, 8)).subarray(0, 65);
    const data = words.slice(0, -104);
    const text = Buffer.concat([
      Buffer.from(decoded?.prefix ?? ''),
      Buffer.from(regroup(data, 5, 8)),
    ]);
    const digest = createHash('sha256').update(text).digest();
    const recovered = Buffer.concat([signature.subarray(64), signature.subarray(0, 64)]);

    const key = secp256k1.recoverPublicKey(recovered, digest, { prehash: false });

    expect(Buffer.from(key)).toEqual(Buffer.from(secp256k1.getPublicKey(nodeKey)));
    const hash = createHash('sha256').update(preimage).digest();
    // timestamp (7 words), then tag p and its length
    expect(data.slice(7, 10)).toEqual([1, 1, 20]);
    expect(Buffer.from(regroup(data.slice(10, 62), 5, 8)).subarray(0, 32)).toEqual(hash);
  }
});

test('bech32 agrees with the vectors of BIP-173', () => {
  const good = 'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw';
  const decoded = decodeBech32(good);

  expect(decoded?.prefix).toBe('abcdef');
  expect(decoded?.words).toEqual(Array.from({ length: 32 }, (_, at) => at));
  expect(encodeBech32('abcdef', decoded?.words ?? [])).toBe(good);
  for (const bad of [
    'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxq',
    'pzry9x0s0muk',
    '1qzzfhee',
    'de1lg7wt',
  ]) {
    expect(decodeBech32(bad)).toBeUndefined();
  }
});
