import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { createBreaker } from '../../src/wallet/breaker.ts';
import { createMintClient } from '../../src/wallet/mint-client.ts';
import type { MintClient } from '../../src/wallet/mint-client.ts';
import { MintFailure } from '../../src/wallet/mint-failure.ts';

const KEYSET = `01${'ab'.repeat(32)}`;
const POINT = `02${'11'.repeat(32)}`;
const BODY = Buffer.from('{"inputs":[],"outputs":[]}');
const SIGNATURE = {
  id: KEYSET,
  amount: 8,
  C_: POINT,
  dleq: { e: '22'.repeat(32), s: '33'.repeat(32) },
};

interface Heard {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

/** A mint that answers as `answer` says, over a real socket. */
async function mintThat(
  answer: (request: Heard, response: ServerResponse, socket: IncomingMessage['socket']) => void,
) {
  const heard: Heard[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url } = request;
      const about = { method, url, body: Buffer.concat(chunks).toString() };
      heard.push(about);
      answer(about, response, request.socket);
    });
  });
  const port = await listening(server);
  onTestFinished(() => server.closeAllConnections());
  return { heard, port, client: clientOf(`http://127.0.0.1:${port}`) };
}

function clientOf(
  url: string,
): MintClient & { readonly breaker: ReturnType<typeof createBreaker> } {
  const breaker = createBreaker({ clock: systemClock });
  const client = createMintClient(url, { breaker, swapTimeoutMs: 300, queryTimeoutMs: 300 });
  onTestFinished(() => client.close());
  return { ...client, breaker };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function failureOf(call: Promise<unknown>): Promise<MintFailure> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MintFailure);
  return error as MintFailure;
}

const json = (status: number, body: unknown) => (_: Heard, response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
const text =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  (_: Heard, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
  };

test('a swap sends exactly the given bytes and reads the signatures', async () => {
  const { client, heard } = await mintThat(json(200, { signatures: [SIGNATURE] }));

  const signatures = await client.swap(BODY);

  expect(heard).toEqual([{ method: 'POST', url: '/v1/swap', body: BODY.toString() }]);
  expect(signatures).toEqual([
    {
      id: KEYSET,
      amount: 8n,
      C_: Buffer.from(POINT, 'hex'),
      dleq: { e: Buffer.alloc(32, 0x22), s: Buffer.alloc(32, 0x33) },
    },
  ]);
});

test('amounts beyond 2^53 arrive exactly', async () => {
  const body = JSON.stringify({ signatures: [SIGNATURE] }).replace(
    '"amount":8',
    '"amount":9223372036854775808',
  );
  const { client } = await mintThat(text(200, body));

  expect((await client.swap(BODY))[0]?.amount).toBe(9223372036854775808n);
});

test.each([
  [11001, 'spent'],
  [10002, 'spent'],
  [11002, 'pending'],
  [11004, 'pending'],
  [20005, 'pending'],
  [11003, 'outputs'],
  [11008, 'outputs'],
  [12001, 'keyset'],
  [12002, 'keyset'],
  [0, 'unknown'],
  [50000, 'unknown'],
  [10001, 'rejected'],
  [11005, 'rejected'],
  [20008, 'rejected'],
  [30001, 'rejected'],
] as const)('HTTP 400 with code %i is %s', async (code, reason) => {
  const { client } = await mintThat(json(400, { code, detail: 'secret-canary' }));

  const failure = await failureOf(client.swap(BODY));

  expect(failure).toMatchObject({ reason, code });
  expect(JSON.stringify([failure, failure.message, String(failure.cause)])).not.toContain('canary');
});

test('code 11000 is about the keyset where the mint says so, else a rejection', async () => {
  const details = ['keyset id unknown.', 'Transaction is not balanced'];
  const { client } = await mintThat((_, response) =>
    json(400, { code: 11000, detail: details.shift() })(_, response),
  );

  expect((await failureOf(client.swap(BODY))).reason).toBe('keyset');
  expect((await failureOf(client.swap(BODY))).reason).toBe('rejected');
});

test.each([
  ['plain text 400', 400, 'bad request', 'rejected'],
  ['422 that echoes the request', 422, '{"detail":[{"input":"secret-canary"}]}', 'rejected'],
  ['413 of a proxy', 413, '<html>', 'rejected'],
  ['404', 404, '', 'rejected'],
  ['408', 408, '', 'unknown'],
  ['500 HTML', 500, '<html>secret-canary</html>', 'unknown'],
  ['502', 502, '', 'unknown'],
  ['503', 503, '{"code":11001}', 'unknown'],
  ['a body that is no JSON', 200, 'secret-canary', 'unknown'],
  ['JSON that is no object', 200, '[]', 'unknown'],
  ['no signatures', 200, '{}', 'unknown'],
  [
    'a signature without amount',
    200,
    `{"signatures":[{"id":"${KEYSET}","C_":"${POINT}"}]}`,
    'unknown',
  ],
  [
    'a C_ of wrong length',
    200,
    `{"signatures":[{"id":"${KEYSET}","amount":1,"C_":"02"}]}`,
    'unknown',
  ],
  [
    'a negative amount',
    200,
    `{"signatures":[{"id":"${KEYSET}","amount":-1,"C_":"${POINT}"}]}`,
    'unknown',
  ],
  [
    'a fraction',
    200,
    `{"signatures":[{"id":"${KEYSET}","amount":1.5,"C_":"${POINT}"}]}`,
    'unknown',
  ],
] as const)('%s is classified', async (_, status, body, reason) => {
  const { client } = await mintThat(text(status, body));

  const failure = await failureOf(client.swap(BODY));

  expect(failure.reason).toBe(reason);
  expect(`${failure.stack} ${String(failure.cause)}`).not.toContain('canary');
});

test('429 was not executed; the breaker leaves the mint alone for as long as it asks', async () => {
  const { client, heard } = await mintThat(
    text(429, '{"detail":"Rate limit exceeded."}', { 'retry-after': '7' }),
  );

  const failure = await failureOf(client.swap(BODY));
  const next = await failureOf(client.swap(BODY));

  expect(failure).toMatchObject({ reason: 'rate', retryAfterS: 7 });
  expect(next.reason).toBe('unsent');
  expect(client.breaker.closedForMs).toBeGreaterThan(6000);
  expect(heard).toHaveLength(1);
});

test('429 without Retry-After means a minute', async () => {
  const { client } = await mintThat(text(429, ''));

  expect((await failureOf(client.swap(BODY))).retryAfterS).toBe(60);
});

test('a redirect is not followed', async () => {
  const { client, heard } = await mintThat(text(307, '', { location: '/elsewhere' }));

  expect((await failureOf(client.swap(BODY))).reason).toBe('unknown');
  expect(heard.map(({ url }) => url)).toEqual(['/v1/swap']);
});

test('an answer that is too large is cut off', async () => {
  const { client } = await mintThat((_, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536, 0x20);
    for (let i = 0; i < 64; i += 1) response.write(chunk);
  });

  const failure = await failureOf(client.swap(BODY));

  expect(failure.reason).toBe('unknown');
  expect(failure.message).toContain('too much');
});

test('a refused connection means that nothing was sent', async () => {
  const server = createTcpServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');

  expect((await failureOf(clientOf(`http://127.0.0.1:${port}`).swap(BODY))).reason).toBe('unsent');
});

test('a host that does not exist means that nothing was sent', async () => {
  expect((await failureOf(clientOf('http://mint.invalid').swap(BODY))).reason).toBe('unsent');
});

test('a connection that breaks after the request leaves its fate unknown', async () => {
  const { client, heard } = await mintThat((_, _response, socket) => socket.resetAndDestroy());

  expect((await failureOf(client.swap(BODY))).reason).toBe('unknown');
  expect(heard).toHaveLength(1);
});

test('an answer that breaks off in its body leaves the fate unknown', async () => {
  const { client } = await mintThat((_, response, socket) => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"signatures":[');
    setTimeout(() => socket.destroy(), 20);
  });

  expect((await failureOf(client.swap(BODY))).reason).toBe('unknown');
});

test('a mint that accepts and never answers is given up in time, fate unknown', async () => {
  const { client, heard } = await mintThat(() => undefined);

  const failure = await failureOf(client.swap(BODY));

  expect(failure).toMatchObject({ reason: 'unknown', message: 'the mint did not answer in time' });
  expect(heard).toHaveLength(1);
});

test('calls that time out while they wait for a connection were never sent', async () => {
  const { client, heard } = await mintThat(() => undefined);

  const calls = Array.from({ length: 6 }, () => failureOf(client.swap(BODY)));
  const reasons = (await Promise.all(calls)).map(({ reason }) => reason);

  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(reasons.filter((reason) => reason === 'unknown')).toHaveLength(heard.length);
  expect(reasons.filter((reason) => reason === 'unsent')).toHaveLength(6 - heard.length);
  expect(heard.length).toBeLessThan(6);
});

test('five failures open the breaker, and then nothing is sent', async () => {
  const { client, heard } = await mintThat(text(500, ''));
  for (let i = 0; i < 5; i += 1) await failureOf(client.keysets());

  const failure = await failureOf(client.swap(BODY));

  expect(failure.reason).toBe('unsent');
  expect(heard).toHaveLength(5);
});

test('refusals that a stranger can cause never open the breaker', async () => {
  const { client, heard } = await mintThat(json(400, { code: 0, detail: 'anything' }));

  for (let i = 0; i < 8; i += 1) await failureOf(client.swap(BODY));

  expect(heard).toHaveLength(8);
});

test('restore aligns what the mint knows with what was asked, in slices of 100', async () => {
  const { client, heard } = await mintThat((request, response) => {
    const asked = (JSON.parse(request.body) as { outputs: { B_: string }[] }).outputs;
    const outputs = asked.filter((_, i) => i % 2 === 1).toReversed();
    const signatures = outputs.map(({ B_ }) => ({ ...SIGNATURE, C_: B_ }));
    json(200, { outputs, signatures })(request, response);
  });
  const blinded = Array.from({ length: 250 }, (_, i) => {
    const bytes = Buffer.alloc(33, 2);
    bytes.writeUInt16BE(i, 1);
    return bytes;
  });

  const restored = await client.restore(KEYSET, blinded);

  expect(heard.map(({ body }) => (JSON.parse(body) as { outputs: [] }).outputs.length)).toEqual([
    100, 100, 50,
  ]);
  expect(restored.map((found) => found?.C_)).toEqual(
    blinded.map((B_, i) => (i % 2 === 1 ? B_ : undefined)),
  );
  expect(heard[0]?.body).toContain(`{"outputs":[{"amount":0,"id":"${KEYSET}","B_":"`);
});

test('check aligns states by Y and refuses an answer that leaves one out', async () => {
  const ys = [Buffer.alloc(33, 2), Buffer.alloc(33, 3)];
  const states = [
    { Y: ys[1]?.toString('hex').toUpperCase(), state: 'SPENT', witness: null },
    { Y: ys[0]?.toString('hex'), state: 'PENDING' },
  ];
  const { client } = await mintThat((request, response) => {
    json(200, { states: states.slice(0, (JSON.parse(request.body) as { Ys: [] }).Ys.length) })(
      request,
      response,
    );
  });

  expect(await client.check(ys)).toEqual(['PENDING', 'SPENT']);
  expect((await failureOf(client.check(ys.slice(0, 1)))).reason).toBe('unknown');
});

test('info tells the NUTs that are on', async () => {
  const nuts = {
    '4': { methods: [], disabled: true },
    '7': { supported: true },
    '9': { supported: false },
    '12': {},
  };
  const { client } = await mintThat(json(200, { name: 'm', version: 'v/1', nuts }));

  expect(await client.info()).toEqual({ name: 'm', version: 'v/1', nuts: new Set([7, 12]) });
});

test('keysets of unknown versions are left out, and a zero expiry is none', async () => {
  const keysets = [
    { id: KEYSET, unit: 'sat', active: true, input_fee_ppk: 100, final_expiry: 0 },
    { id: '00ffffffffffffff', unit: 'usd', active: false, final_expiry: 4_000_000_000 },
    { id: 'I2yN+iRYfkzT', unit: 'sat', active: false },
    { id: `02${'ab'.repeat(32)}`, unit: 'sat', active: true },
  ];
  const { client, heard } = await mintThat(json(200, { keysets }));

  expect(await client.keysets()).toEqual([
    { id: KEYSET, unit: 'sat', active: true, ppk: 100n, expiryS: undefined },
    { id: '00ffffffffffffff', unit: 'usd', active: false, ppk: 0n, expiryS: 4_000_000_000n },
  ]);
  expect(heard[0]?.url).toBe('/v1/keysets');
});

test('a mint below a path is asked below that path, and the keys must be those of the keyset', async () => {
  const keysets = [{ id: KEYSET, unit: 'sat', keys: { '1': POINT, '9223372036854775808': POINT } }];
  const { heard, port } = await mintThat(json(200, { keysets }));
  const below = clientOf(`http://127.0.0.1:${port}/Bitcoin`);

  expect([...(await below.keys(KEYSET)).keys()]).toEqual([1n, 9223372036854775808n]);
  expect(heard[0]?.url).toBe(`/Bitcoin/v1/keys/${KEYSET}`);
  expect((await failureOf(below.keys('00ffffffffffffff'))).reason).toBe('unknown');
});
