import type { LookupAddress } from 'node:dns';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { publicOnly, publicOrPrivate } from '../../../src/discovery/guard/address-rule.ts';
import { createDnsLookup, guardLookup } from '../../../src/discovery/guard/lookup.ts';
import type { DnsLookup } from '../../../src/discovery/guard/lookup.ts';
import { startDns } from './dns-server.ts';

function resolve(dns: DnsLookup, name: string): Promise<string | LookupAddress[]> {
  const guarded = guardLookup(dns.lookup, publicOnly);
  return promisify<string, { all: boolean }, string | LookupAddress[]>(guarded)(name, {
    all: true,
  });
}

test('A name is resolved by DNS in both families, IPv4 first', async () => {
  await using server = await startDns({
    'both.example.com': ['1.2.3.4', '2606:4700::1111'],
    'old.example.com': ['1.2.3.4'],
    'new.example.com': ['2606:4700::1111'],
  });
  const dns = createDnsLookup([server.address]);
  const four = { address: '1.2.3.4', family: 4 };
  const six = { address: '2606:4700::1111', family: 6 };
  expect(await resolve(dns, 'both.example.com')).toEqual([four, six]);
  expect(await resolve(dns, 'old.example.com')).toEqual([four]);
  expect(await resolve(dns, 'new.example.com')).toEqual([six]);
  expect(server.asked).toContain('both.example.com 28');
});

test('A name with one address that is not public, in either family, is refused', async () => {
  await using server = await startDns({
    'four.example.com': ['1.2.3.4', '10.0.0.1'],
    'six.example.com': ['1.2.3.4', 'fd00::1'],
    'mapped.example.com': ['::ffff:7f00:1'],
  });
  const dns = createDnsLookup([server.address]);
  for (const name of ['four.example.com', 'six.example.com', 'mapped.example.com']) {
    await expect(resolve(dns, name)).rejects.toMatchObject({ fault: 'refused' });
  }
});

test("This machine's hosts file says nothing about an announced name", async () => {
  await using server = await startDns({});
  const dns = createDnsLookup([server.address]);
  await expect(resolve(dns, 'localhost')).rejects.toMatchObject({ fault: 'unreachable' });
});

test('A host with many addresses is dialled at a few of them', async () => {
  const addresses = Array.from({ length: 20 }, (_, index) => `1.2.3.${index}`);
  await using server = await startDns({ 'many.example.com': addresses });
  const dns = createDnsLookup([server.address]);
  expect(await resolve(dns, 'many.example.com')).toHaveLength(4);
});

test('A name whose server keeps silent can be given up', async () => {
  await using server = await startDns({ 'silent.example.com': undefined });
  const dns = createDnsLookup([server.address]);
  const [result] = await Promise.allSettled([
    resolve(dns, 'silent.example.com'),
    new Promise((done) => {
      setTimeout(done, 20);
    }).then(() => dns.cancel()),
  ]);
  expect(result).toMatchObject({ status: 'rejected', reason: { fault: 'unreachable' } });
});

test('An address that is bound to a network of this machine is never dialled', () => {
  expect(publicOnly('2606:4700::1111')).toBe(true);
  expect(publicOnly('2606:4700::1111%eth0')).toBe(false);
  expect(publicOrPrivate('fd00::1%eth0')).toBe(false);
});
