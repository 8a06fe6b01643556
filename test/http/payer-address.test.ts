import { expect, test } from 'vitest';

import { payerAddress } from '../../src/http/payer-address.ts';

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('S7: %s counts as %s', (ip, counted) => {
  expect(payerAddress(ip)).toBe(counted);
});
