import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';

import { afterEach, expect, test } from 'vitest';

import { fetchJson } from '../../src/rate/fetch-json.ts';

let server: Server | undefined;

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => {
    started.listen(0, '127.0.0.1', resolve);
  });
  const address = started.address();
  return typeof address === 'object' && address !== null
    ? `http://127.0.0.1:${address.port}/price`
    : expect.fail('no address');
}

afterEach(async () => {
  const started = server;
  server = undefined;
  started?.closeAllConnections();
  await new Promise((resolve) => {
    if (started === undefined) resolve(undefined);
    else started.close(resolve);
  });
});

const inTime = () => AbortSignal.timeout(10_000);

test('a small JSON document is fetched, and the connection is not kept', async () => {
  let connection: string | undefined;
  const url = await serve((request, response) => {
    connection = request.headers.connection;
    response.end('{"USD":60000}');
  });

  expect(await fetchJson(url, inTime())).toEqual({ USD: 60_000 });
  expect(connection).toBe('close');
});

test('a redirect is not followed', async () => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests += 1;
    response.writeHead(302, { location: '/elsewhere' }).end('{"USD":1}');
  });

  await expect(fetchJson(url, inTime())).rejects.toThrow('status 302');
  expect(requests).toBe(1);
});

test.each([
  ['an error status', 500, '{"USD":1}', 'status 500'],
  ['no JSON', 200, '<html>', /JSON/],
  ['an empty body', 200, '', /JSON/],
  ['a body over 64 kB', 200, `"${'x'.repeat(65_536)}"`, 'too long'],
])('%s is an error', async (_, status, body, message) => {
  const url = await serve((_, response) => response.writeHead(status).end(body));

  await expect(fetchJson(url, inTime())).rejects.toThrow(message);
});

test('a body without an end is given up at 64 kB', async () => {
  let closed = false;
  const url = await serve((_, response) => {
    // More than the stream buffers, so that each write is followed by a drain.
    const more = (): void => void response.write('1'.repeat(100_000));
    response.on('drain', more).on('close', () => {
      closed = true;
    });
    more();
  });

  await expect(fetchJson(url, inTime())).rejects.toThrow('too long');
  await expect.poll(() => closed).toBe(true);
});

test.each([
  ['a server that never answers', (): void => {}],
  [
    'a server that stops in the middle',
    (response: { write(text: string): void }) => response.write('{"USD"'),
  ],
])('%s is left when the time is over', async (_, behave) => {
  const url = await serve((_, response) => behave(response));

  await expect(fetchJson(url, AbortSignal.timeout(50))).rejects.toThrow(/timeout|aborted/);
});
