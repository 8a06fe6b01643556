import { expect, test } from 'vitest';

import { domainOf, hostOf } from '../../src/discovery/hosts.ts';

test.each([
  ['https://a.b.example.com:8443/v1', 'a.b.example.com', 'example.com'],
  ['https://example.com', 'example.com', 'example.com'],
  ['http://localhost:3000', 'localhost', 'localhost'],
  ['https://1.2.3.4:8443', '1.2.3.4', '1.2.3'],
  ['https://[2606:4700::1111]:8443/x', '[2606:4700::1111]', '2606:4700:0:0'],
  ['https://[2606:4700:1:2:3::]', '[2606:4700:1:2:3::]', '2606:4700:1:2'],
  ['https://[2606:4700:1:2:3:4:5:6]', '[2606:4700:1:2:3:4:5:6]', '2606:4700:1:2'],
])('%s is at the host %s, in the domain %s', (url, host, domain) => {
  expect([hostOf(url), domainOf(url)]).toEqual([host, domain]);
});
