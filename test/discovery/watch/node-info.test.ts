import { expect, test } from 'vitest';

import { readInfo } from '../../../src/discovery/watch/node-info.ts';
import { npubOf } from '../../../src/nostr/npub.ts';

const KEY = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const nothing = { pubkey: null, mints: undefined, version: undefined };

test('What a Routstr node says at /v1/info is read: its key, its mints in one spelling, its version', () => {
  const info = {
    name: 'Blue Node',
    description: 'Fast models',
    version: '0.4.7',
    npub: npubOf(KEY),
    mints: ['https://Mint.Example.com/Bitcoin/', 'https://mint.example.com/Bitcoin'],
    http_url: 'https://node.example.com',
    onion_url: null,
    child_key_cost_msats: 1000,
  };
  const mints = ['https://mint.example.com/Bitcoin'];
  expect(readInfo(info)).toEqual({ pubkey: KEY, mints, version: '0.4.7' });
  expect(readInfo({ ...info, npub: KEY })?.pubkey).toBe(KEY);
});

test.each([null, undefined, '', 'npub1', `${npubOf(KEY)}x`, 7, 'a'.repeat(1000), {}])(
  'A node whose npub is %j names no key',
  (npub) => {
    expect(readInfo({ npub })).toEqual(nothing);
  },
);

test('A node that lists no mint tells none: an empty list is what nodes say that take their default one', () => {
  expect(readInfo({ mints: [] })).toEqual(nothing);
  expect(readInfo({ mints: 'https://mint.example.com' })).toEqual(nothing);
  expect(
    readInfo({ mints: ['mint', 7, null, `https://m.example.com/${'a'.repeat(300)}`] }),
  ).toEqual(nothing);
});

test('At most 16 mints of a node are read', () => {
  const mints = Array.from({ length: 100 }, (_, index) => `https://m${index}.example.com`);
  expect(readInfo({ mints })?.mints).toEqual(mints.slice(0, 16));
});

test('A version that is long or would break a line is none', () => {
  expect(readInfo({ version: 'v'.repeat(65) })).toEqual(nothing);
  expect(readInfo({ version: '1\n2' })).toEqual(nothing);
});

test.each([undefined, null, [], 'info', 7])('%j is no info', (json) => {
  expect(readInfo(json)).toBeUndefined();
});
