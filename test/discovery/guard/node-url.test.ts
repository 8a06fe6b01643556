import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createGuard } from '../../../src/discovery/guard/guard.ts';

const ONION = `${'a'.repeat(55)}d.onion`;

const strict = createGuard({ allowPrivate: false, socksProxy: undefined });
const local = createGuard({ allowPrivate: true, socksProxy: undefined });
const tor = createGuard({ allowPrivate: false, socksProxy: 'socks5://127.0.0.1:9050' });

function whyNot(url: string, guard = strict): string | undefined {
  const verdict = guard.check(url);
  return verdict.ok ? undefined : verdict.why;
}

describe('the URL of a node', () => {
  test.each([
    ['https://Node.Example.COM/', 'https://node.example.com'],
    ['https://node.example.com:443', 'https://node.example.com'],
    ['HTTPS://node.example.com:8443/Api/v2//', 'https://node.example.com:8443/Api/v2'],
    ['https://1.1.1.1', 'https://1.1.1.1'],
    ['https://[2606:4700::1111]:8443', 'https://[2606:4700::1111]:8443'],
    ['https://bücher.example.com', 'https://xn--bcher-kva.example.com'],
  ])('is written in one way only: %s', (url, canonical) => {
    expect(strict.check(url)).toEqual({ ok: true, url: canonical });
  });

  test.each([
    ['http://node.example.com', /https/],
    ['httpfoo://node.example.com', /https/],
    ['ftp://node.example.com', /https/],
    ['node.example.com', /no URL/],
    ['https://user@node.example.com', /credentials/],
    ['https://:secret@node.example.com', /credentials/],
    ['https://node.example.com?', /query/],
    ['https://node.example.com/?a=b', /query/],
    ['https://node.example.com/#', /query/],
    ['https://node.example.com:22', /port/],
    ['https://node.example.com:1023', /port/],
    ['https://node.example.com:0', /port/],
    ['https://node.example.com\\@127.0.0.1', /spaces or control/],
    ['https://node.exa\tmple.com', /spaces or control/],
    [`https://node.example.com/${'a'.repeat(500)}`, /too long/],
    [`https://node.example.com/${'ü'.repeat(200)}`, /too long/],
    ['https://node..example.com', /malformed/],
    ['https://node.example.com.', /malformed/],
    [`https://${'a'.repeat(64)}.example.com`, /malformed/],
    ['https://localhost', /local network/],
    ['https://intranet', /local network/],
    ['https://db.internal', /local network/],
    ['https://printer.local', /local network/],
    ['https://nas.home.arpa', /local network/],
    ['https://a.b.localhost', /local network/],
    ['https://node.example', /local network/],
  ])('is refused: %s', (url, why) => {
    expect(whyNot(url)).toMatch(why);
  });

  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.0.1',
    '198.19.0.1',
    '224.0.0.1',
    '168.63.129.16',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.51.100.1',
    '203.0.113.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:8.8.8.8]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[2001::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[fd00::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
  ])('is refused with the address %s', (host) => {
    expect(whyNot(`https://${host}`)).toBe('the address is not a public one');
  });

  test('may be an onion service only where a SOCKS proxy is configured, and only of version 3', () => {
    expect(whyNot(`http://${ONION}`)).toMatch(/SOCKS/);
    expect(tor.check(`http://${ONION.toUpperCase()}/`)).toEqual({
      ok: true,
      url: `http://${ONION}`,
    });
    expect(whyNot('http://expyuzz4wqqyqhjn.onion', tor)).toMatch(/version 3/);
    expect(whyNot(`http://sub.${ONION}`, tor)).toMatch(/version 3/);
    expect(whyNot(`http://${ONION}.evil.example.com`, tor)).toMatch(/https/);
  });

  test('may lead to loopback and private networks only where that is allowed, never to link-local', () => {
    const allowed = ['http://127.0.0.1:8402', 'http://localhost:8402', 'http://node1:8402'];
    expect(allowed.map((url) => local.check(url))).toEqual(
      allowed.map((url) => ({ ok: true, url })),
    );
    expect(local.check('http://[fd00::1]').ok).toBe(true);
    expect(local.check('http://169.254.169.254').ok).toBe(false);
    expect(local.check('http://[fe80::1]').ok).toBe(false);
    expect(local.check('http://0.0.0.0').ok).toBe(false);
    expect(local.check('http://[::ffff:127.0.0.1]').ok).toBe(false);
  });
});

interface Shape {
  readonly parts: number;
  readonly radixes: readonly ((n: number) => string)[];
  readonly dot: string;
}

describe('no spelling of an address that is not public', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const tail = fc.tuple(octet, octet, octet);
  /** As one number. */
  const nonPublic = fc.oneof(
    fc
      .tuple(fc.constantFrom(0, 10, 127, 224, 239, 240, 255), tail)
      .map(([a, rest]) => [a, ...rest]),
    fc.tuple(octet, octet).map(([c, d]) => [192, 168, c, d]),
    fc.tuple(octet, octet).map(([c, d]) => [169, 254, c, d]),
    fc.tuple(fc.integer({ min: 16, max: 31 }), octet, octet).map(([b, c, d]) => [172, b, c, d]),
    fc.tuple(fc.integer({ min: 64, max: 127 }), octet, octet).map(([b, c, d]) => [100, b, c, d]),
  );
  const radix = fc.constantFrom<(n: number) => string>(
    String,
    (n) => `0x${n.toString(16)}`,
    (n) => `0X${n.toString(16).toUpperCase().padStart(8, '0')}`,
    (n) => `0${n.toString(8)}`,
  );
  const shape = fc.record({
    parts: fc.integer({ min: 1, max: 4 }),
    radixes: fc.tuple(radix, radix, radix, radix),
    dot: fc.constantFrom('', '.'),
  });

  /** As `inet_aton` reads it: the last part holds all remaining octets. */
  function spell(octets: readonly number[], { parts, radixes, dot }: Shape): string {
    const head = octets.slice(0, parts - 1);
    const last = octets.slice(parts - 1).reduce((sum, value) => sum * 256 + value, 0);
    return [...head, last].map((part, index) => radixes[index]?.(part)).join('.') + dot;
  }

  test('of IPv4 passes', () => {
    fc.assert(
      fc.property(nonPublic, shape, (octets, how) => {
        expect(whyNot(`https://${spell(octets, how)}:8443/v1`)).toBeDefined();
      }),
    );
  });

  test('of IPv4 inside IPv6 passes', () => {
    const prefix = fc.constantFrom('::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::');
    fc.assert(
      fc.property(nonPublic, prefix, (octets, before) => {
        expect(whyNot(`https://[${before}${octets.join('.')}]`)).toBeDefined();
      }),
    );
  });

  test('of IPv6 outside global unicast space passes', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const outside = group.filter((first) => first >> 13 !== 1);
    fc.assert(
      fc.property(outside, fc.array(group, { minLength: 7, maxLength: 7 }), (first, rest) => {
        const groups = [first, ...rest].map((value) => value.toString(16));
        expect(whyNot(`https://[${groups.join(':')}]`)).toBeDefined();
      }),
    );
  });

  test('is needed to refuse: public addresses pass in the same spellings', () => {
    fc.assert(
      fc.property(shape, (how) => {
        expect(strict.check(`https://${spell([8, 8, 4, 4], how)}`)).toEqual({
          ok: true,
          url: 'https://8.8.4.4',
        });
      }),
    );
  });
});
