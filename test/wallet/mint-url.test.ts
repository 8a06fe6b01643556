import { expect, test } from 'vitest';

import { canonicalMintUrl } from '../../src/wallet/mint-url.ts';

test.each([
  ['https://Mint.Example.COM/', 'https://mint.example.com'],
  ['HTTPS://mint.example:443', 'https://mint.example'],
  ['http://mint.example:80//', 'http://mint.example'],
  ['https://mint.example/Bitcoin/', 'https://mint.example/Bitcoin'],
  ['http://127.0.0.1:3338', 'http://127.0.0.1:3338'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
])('%s is %s', (text, url) => {
  expect(canonicalMintUrl(text)).toBe(url);
});

test.each([
  'mint.example',
  'ftp://mint.example',
  'https://user@mint.example',
  'https://:pass@mint.example',
  'https://mint.example?',
  'https://mint.example/#',
  'https://mint.example/?unit=sat',
  `https://mint.example/${'a'.repeat(600)}`,
  '',
])('%s is no mint URL', (text) => {
  expect(() => canonicalMintUrl(text)).toThrow(TypeError);
});
