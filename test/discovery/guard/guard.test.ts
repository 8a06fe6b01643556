import type { LookupFunction } from 'node:net';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { createGuard } from '../../../src/discovery/guard/guard.ts';
import type { Guard } from '../../../src/discovery/guard/guard.ts';
import { startHttp, startListener } from './listener.ts';
import { startSocksProxy } from './socks-proxy.ts';

const LIMITS = { maxBytes: 65_536, timeoutMs: 10_000 };
const PUBLIC = '1.2.3.4';
const ONION = `${'a'.repeat(55)}d.onion`;

/** A resolver that answers each question with the next of `answers`, the last one for ever. */
function resolver(...answers: string[][]): LookupFunction & { asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    const found = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    setImmediate(() => callback(null, found));
  };
  return Object.assign(lookup, { asked });
}

/** Both ways out: the JSON reader, and a pool as an upstream makes it. */
async function dial(guard: Guard, url: string, timeoutMs = LIMITS.timeoutMs): Promise<unknown[]> {
  const { origin } = new URL(url);
  const pool = guard.pool(origin, { connect: { timeout: timeoutMs } });
  const faults = await Promise.allSettled([
    guard.getJson(`${url}/v1/info`, { ...LIMITS, timeoutMs }),
    pool.request({ method: 'GET', path: '/', origin }),
  ]);
  await pool.destroy();
  return faults.map((result) => (result.status === 'rejected' ? result.reason : result.value));
}

const REFUSED = expect.objectContaining({ name: 'GuardError', fault: 'refused' });

describe('a listener on loopback sees no connection from an announced URL', () => {
  test.each([
    'https://127.0.0.1',
    'http://127.0.0.1',
    'https://127.1',
    'https://2130706433',
    'https://0x7f000001',
    'https://0177.0.0.1',
    'https://127.0.0.1.',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://[::127.0.0.1]',
    'https://0.0.0.0',
    'https://localhost',
    'https://localhost.',
    'https://node.localhost',
  ])('spelled %s', async (url) => {
    await using listener = await startListener();
    const guard = createGuard({ allowPrivate: false, socksProxy: undefined });
    expect(await dial(guard, `${url}:${listener.port}`)).toEqual([REFUSED, REFUSED]);
    expect(listener.connections()).toBe(0);
  });

  test.each([
    [['127.0.0.1']],
    [[PUBLIC, '127.0.0.1']],
    [['127.0.0.1', PUBLIC]],
    [['2606:4700::1111', '::1']],
    [['::ffff:127.0.0.1']],
    [['::1%lo']],
    [['::127.0.0.1']],
    [['64:ff9b::7f00:1']],
    [['64:ff9b:1::7f00:1']],
    [['2002:7f00:1::1']],
    [['fe80::1']],
    [['fd00::1']],
    [['100.64.0.1']],
    [['0.0.0.0']],
    [['10.0.0.1']],
    [['169.254.169.254']],
  ])('whose name resolves to %s', async (addresses) => {
    await using listener = await startListener();
    const lookup = resolver(addresses);
    const guard = createGuard({ allowPrivate: false, socksProxy: undefined, lookup });
    const url = `https://node.example.com:${listener.port}`;
    expect(await dial(guard, url)).toEqual([REFUSED, REFUSED]);
    expect(lookup.asked).toEqual(['node.example.com', 'node.example.com']);
    expect(listener.connections()).toBe(0);
  });

  test('whose name resolves to a public address when it is judged, and to loopback a moment later', async () => {
    await using listener = await startListener();
    const lookup = resolver([PUBLIC], ['127.0.0.1']);
    const guard = createGuard({ allowPrivate: false, socksProxy: undefined, lookup });
    const url = `https://node.example.com:${listener.port}`;
    expect(guard.check(url).ok).toBe(true);
    const first = guard.getJson(url, { ...LIMITS, timeoutMs: 200 });
    await expect(first).rejects.toMatchObject({ name: 'GuardError' });
    expect(lookup.asked).toHaveLength(1);
    await expect(guard.getJson(url, LIMITS)).rejects.toEqual(REFUSED);
    expect(listener.connections()).toBe(0);
  });

  test('that a reachable node redirects to', async () => {
    await using inner = await startListener('127.0.0.2');
    const target = `http://127.0.0.2:${inner.port}/admin`;
    await using node = await startHttp((_request, response) => {
      response.writeHead(302, { location: target }).end();
    });
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
    await expect(guard.getJson(`${node.url}/v1/info`, LIMITS)).rejects.toEqual(REFUSED);
    expect(node.connections()).toBe(1);
    expect(inner.connections()).toBe(0);
  });
});

describe('where private addresses are allowed', () => {
  test('a node on loopback is reached both ways, by address and by name', async () => {
    await using node = await startHttp((_request, response) => {
      response.end('{"name":"Blue"}');
    });
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
    const byName = `http://localhost:${node.port}`;
    const answer = { status: 200, json: { name: 'Blue' }, etag: undefined };
    expect(await dial(guard, node.url)).toEqual([
      answer,
      expect.objectContaining({ statusCode: 200 }),
    ]);
    expect(await dial(guard, byName)).toEqual([
      answer,
      expect.objectContaining({ statusCode: 200 }),
    ]);
  });

  test('a redirect is followed once on the same host, and its new address is judged again', async () => {
    await using node = await startHttp((request, response) => {
      if (request.url === '/v1/info') response.writeHead(308, { location: '/info?x=1' }).end();
      else response.end('{"path":"info"}');
    });
    const options = { allowPrivate: true, socksProxy: undefined };
    const guard = createGuard(options);
    expect((await guard.getJson(`${node.url}/v1/info`, LIMITS)).json).toEqual({ path: 'info' });
    expect(node.requests.map(({ url }) => url)).toEqual(['/v1/info', '/info?x=1']);

    const lookup = resolver(['127.0.0.1'], ['169.254.169.254']);
    const rebound = createGuard({ ...options, lookup });
    const url = `http://node.example.com:${node.port}/v1/info`;
    await expect(rebound.getJson(url, LIMITS)).rejects.toEqual(REFUSED);
    expect(lookup.asked).toHaveLength(2);
    expect(node.requests).toHaveLength(3);
  });

  test('a redirect of a redirect, to nowhere or to another scheme is not followed', async () => {
    await using node = await startHttp((request, response) => {
      const { url = '' } = request;
      const location = url === '/ftp' ? 'ftp://127.0.0.1/' : url;
      response.writeHead(302, url === '/nowhere' ? {} : { location }).end();
    });
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
    await expect(guard.getJson(`${node.url}/loop`, LIMITS)).rejects.toEqual(REFUSED);
    expect(node.requests).toHaveLength(2);
    await expect(guard.getJson(`${node.url}/ftp`, LIMITS)).rejects.toEqual(REFUSED);
    await expect(guard.getJson(`${node.url}/nowhere`, LIMITS)).rejects.toThrow('to nowhere');
  });
});

describe('an answer', () => {
  async function read(
    answer: Parameters<typeof startHttp>[0],
    limits: Partial<typeof LIMITS> & { etag?: string } = {},
  ): Promise<unknown> {
    await using node = await startHttp(answer);
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
    return await guard.getJson(node.url, { ...LIMITS, ...limits });
  }

  test('may be compressed', async () => {
    const body = gzipSync('{"a":1}');
    const answer = read((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
    });
    expect(await answer).toEqual({ status: 200, json: { a: 1 }, etag: undefined });
  });

  test('that would inflate beyond its limit is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024, ' '));
    expect(bomb.length).toBeLessThan(LIMITS.maxBytes);
    const answer = read((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await expect(answer).rejects.toMatchObject({ fault: 'too_large' });
  });

  test('without an end is cut at its limit', async () => {
    const answer = read((_request, response) => {
      const more = (): void => {
        while (response.writable && response.write(Buffer.alloc(16_384, ' '))) continue;
      };
      response.on('drain', more);
      more();
    });
    await expect(answer).rejects.toMatchObject({ fault: 'too_large' });
  });

  test('that comes too slowly is given up, whether head or body hangs', async () => {
    const timeout = expect.objectContaining({ fault: 'timeout' });
    await expect(read(() => undefined, { timeoutMs: 50 })).rejects.toEqual(timeout);
    const dripping = read((_request, response) => void response.write('{'), { timeoutMs: 50 });
    await expect(dripping).rejects.toEqual(timeout);
  });

  test('that is no JSON, or in an encoding nobody asked for, is malformed', async () => {
    const html = read((_request, response) => void response.end('<html>'));
    await expect(html).rejects.toMatchObject({ fault: 'malformed' });
    const brotli = read((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'br' }).end('{}');
    });
    await expect(brotli).rejects.toMatchObject({ fault: 'malformed' });
  });

  test('with another status is told without its body', async () => {
    const answer = read((_request, response) => void response.writeHead(402).end('pay!'));
    expect(await answer).toEqual({ status: 402, json: undefined, etag: undefined });
  });

  test('is asked for anew only if it changed', async () => {
    const answer: Parameters<typeof startHttp>[0] = (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else response.setHeader('etag', '"v1"').end('[]');
    };
    expect(await read(answer)).toEqual({ status: 200, json: [], etag: '"v1"' });
    expect(await read(answer, { etag: '"v1"' })).toMatchObject({ status: 304, json: undefined });
  });

  test('is not waited for once the guard is closed', async () => {
    await using node = await startHttp(() => undefined);
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
    const [answer] = await Promise.allSettled([guard.getJson(node.url, LIMITS), guard.close()]);
    expect(answer).toMatchObject({ status: 'rejected', reason: { fault: 'closed' } });
  });
});

describe('an onion service', () => {
  test('is reached through the SOCKS proxy, which is given its name; nobody resolves it', async () => {
    await using proxy = await startSocksProxy('{"name":"Hidden"}');
    const lookup = resolver(['127.0.0.1']);
    const guard = createGuard({ allowPrivate: false, socksProxy: proxy.url, lookup });
    expect((await guard.getJson(`http://${ONION}/v1/info`, LIMITS)).json).toEqual({
      name: 'Hidden',
    });
    const pool = guard.pool(`http://${ONION}:8402`, { connect: { timeout: 1000 } });
    const { statusCode } = await pool.request({ method: 'GET', path: '/', origin: '' });
    await pool.destroy();
    expect(statusCode).toBe(200);
    expect(proxy.targets).toEqual([`domain:${ONION}:80`, `domain:${ONION}:8402`]);
    expect(lookup.asked).toEqual([]);
  });

  test('without a proxy is neither resolved nor dialled', async () => {
    const lookup = resolver(['127.0.0.1']);
    const guard = createGuard({ allowPrivate: true, socksProxy: undefined, lookup });
    expect(await dial(guard, `http://${ONION}:8402`)).toEqual([REFUSED, REFUSED]);
    expect(lookup.asked).toEqual([]);
  });

  test('is the only thing that goes through the proxy', async () => {
    await using proxy = await startSocksProxy('{}');
    const guard = createGuard({
      allowPrivate: false,
      socksProxy: proxy.url,
      lookup: resolver(['127.0.0.1']),
    });
    expect(await dial(guard, 'https://node.example.com')).toEqual([REFUSED, REFUSED]);
    expect(proxy.targets).toEqual([]);
  });
});
