import { expect, test } from 'vitest';

import { npubOf, pubkeyOf } from '../../src/nostr/npub.ts';

const PUBKEY = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';

test('an npub and its hex digits name the same key', () => {
  const npub = npubOf(PUBKEY);

  expect(npub).toMatch(/^npub1[a-z0-9]{58}$/);
  expect(pubkeyOf(npub)).toBe(PUBKEY);
  expect(pubkeyOf(PUBKEY)).toBe(PUBKEY);
});

test.each([
  ['nothing', ''],
  ['too few digits', PUBKEY.slice(2)],
  ['capitals', PUBKEY.toUpperCase()],
  ['a wrong checksum', `${npubOf(PUBKEY).slice(0, -1)}q`],
  [
    'another kind of name',
    'nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p',
  ],
])('%s names no key', (_name, text) => {
  expect(pubkeyOf(text)).toBeUndefined();
});
