import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterEach, expect, test } from 'vitest';

import { ZERO_MSAT } from '../../src/lib/amount.ts';
import { createCancel } from '../../src/lib/cancel.ts';
import type { Canceller } from '../../src/lib/cancel.ts';
import { UPSTREAM_KINDS } from '../../src/upstream/kinds.ts';
import type { UpstreamOptions } from '../../src/upstream/options.ts';
import type { Upstream, UpstreamAnswer } from '../../src/upstream/upstream.ts';
import { failureOf } from '../support/refusals.ts';
import {
  CHUNKED,
  EVENT_STREAM,
  JSON_ANSWER,
  LAST_HTTP_CHUNK,
  httpChunk,
  listen,
} from './wire-server.ts';

const BODY = Buffer.from('{"model":"m","messages":[]}');
const open: Upstream[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((upstream) => upstream.close()));
});

function upstreamAt(baseUrl: string, more: Partial<UpstreamOptions> = {}): Upstream {
  const upstream = UPSTREAM_KINDS.openai.create({
    id: 'gpu',
    baseUrl,
    onPayerGone: 'cancel',
    timeouts: { connectMs: 5000, idleMs: 5000 },
    ...more,
  });
  open.push(upstream);
  return upstream;
}

function send(
  upstream: Upstream,
  more: { stream?: boolean; firstByteTimeoutMs?: number; cancel?: Canceller } = {},
): Promise<UpstreamAnswer> {
  const { stream = true, firstByteTimeoutMs = 5000, cancel = createCancel() } = more;
  const request = { body: BODY, stream, requestId: 'r1', firstByteTimeoutMs };
  return upstream.send({ ...request, model: 'm', maxCost: ZERO_MSAT, hops: 0 }, cancel);
}

async function textOf(answer: UpstreamAnswer): Promise<string> {
  const pieces: Buffer[] = [];
  await answer.relay((chunk) => {
    pieces.push(chunk);
    return undefined;
  });
  return Buffer.concat(pieces).toString();
}

/** Sends one request to a server that answers with these bytes. */
async function answerTo(bytes: string | Buffer, stream = true): Promise<UpstreamAnswer> {
  const server = await listen(({ socket }) => socket.write(bytes));
  try {
    return await send(upstreamAt(server.url), { stream });
  } finally {
    // What was answered has arrived; the rest of the server is not needed.
    servers.push(server);
  }
}

const servers: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]()));
});

test('a stream is relayed as it comes, whatever its cuts', async () => {
  const first = Promise.withResolvers<void>();
  await using server = await listen(({ socket }) => {
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('data: on')}`);
    void first.promise.then(() => {
      socket.write(httpChunk('e\n\ndata: tw'));
      socket.write(httpChunk('o\n\n') + LAST_HTTP_CHUNK);
    });
  });
  const answer = await send(upstreamAt(server.url));
  const pieces: string[] = [];
  await answer.relay((chunk) => {
    pieces.push(chunk.toString());
    // The rest is sent only because the first piece was delivered.
    first.resolve();
    return undefined;
  });

  expect(answer.kind).toBe('stream');
  expect(pieces[0]).toBe('data: on');
  expect(pieces.join('')).toBe('data: one\n\ndata: two\n\n');
});

test('an answer in one piece with Content-Length is relayed whole', async () => {
  const answer = await answerTo(`${JSON_ANSWER}content-length: 8\r\n\r\n{"a": 1}`, false);

  expect(answer.kind).toBe('json');
  expect(await textOf(answer)).toBe('{"a": 1}');
});

test('JSON where a stream was asked for is told as JSON', async () => {
  expect((await answerTo(`${JSON_ANSWER}content-length: 2\r\n\r\n{}`)).kind).toBe('json');
});

test('without a content type the answer is taken for what was asked for', async () => {
  const bytes = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

  expect((await answerTo(bytes, true)).kind).toBe('stream');
  expect((await answerTo(bytes, false)).kind).toBe('json');
});

test('early hints are not the answer', async () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
  const answer = await answerTo(`${hints}${JSON_ANSWER}content-length: 2\r\n\r\n{}`);

  expect(await textOf(answer)).toBe('{}');
});

test('the upstream gets our headers and no others, under the path of its base URL', async () => {
  const got = Promise.withResolvers<string>();
  await using server = await listen(({ socket }, request) => {
    got.resolve(request);
    socket.write(`${JSON_ANSWER}content-length: 2\r\n\r\n{}`);
  });
  const upstream = upstreamAt(`${server.url}/deep/`, {
    apiKey: 'sk-ours',
    headers: { 'x-title': 'nutroute' },
  });
  await textOf(await send(upstream));
  const [head = '', body] = (await got.promise).split('\r\n\r\n');
  const [line, ...headers] = head.split('\r\n');

  expect(line).toBe('POST /v1/deep/chat/completions HTTP/1.1');
  expect(body).toBe(BODY.toString());
  expect(headers.map((header) => header.toLowerCase()).toSorted()).toEqual([
    'accept-encoding: identity',
    'accept: text/event-stream',
    'authorization: bearer sk-ours',
    'connection: keep-alive',
    `content-length: ${BODY.length}`,
    'content-type: application/json',
    `host: ${new URL(server.url).host}`,
    'user-agent: nutroute/0.1',
    'x-title: nutroute',
  ]);
});

test('of the answer only harmless headers are passed on', async () => {
  const answer = await answerTo(
    `${JSON_ANSWER}x-request-id: req_1\r\nopenai-processing-ms: 12\r\nset-cookie: a=b\r\n` +
      'openai-organization: org-x\r\nx-cashu: cashuBx\r\ncontent-length: 2\r\n\r\n{}',
  );

  expect(answer.headers).toEqual({
    'content-type': 'application/json',
    'upstream-request-id': 'req_1',
    'openai-processing-ms': '12',
  });
});

test('a connection is used again after a whole answer', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${JSON_ANSWER}content-length: 2\r\n\r\n{}`),
  );
  const upstream = upstreamAt(server.url);
  for (let turn = 0; turn < 3; turn += 1) {
    await textOf(await send(upstream));
    // A connection is free again one turn of the event loop after its answer.
    await new Promise(setImmediate);
  }

  expect(server.peers).toHaveLength(1);
});

test('no stream waits for another: 100 at once are all open', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('data: {}\n\n')}`),
  );
  const upstream = upstreamAt(server.url);
  const answers = await Promise.all(Array.from({ length: 100 }, () => send(upstream)));

  expect(answers).toHaveLength(100);
  expect(server.peers).toHaveLength(100);
});

test('a refused connection is unreachable', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => {
    closed.listen(0, '127.0.0.1', resolve);
  });
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => {
    closed.close(resolve);
  });

  expect((await failureOf(send(upstreamAt(`http://127.0.0.1:${port}/v1`)))).kind).toBe(
    'unreachable',
  );
});

test('a connection that is closed before the head is unreachable', async () => {
  await using server = await listen(({ socket }) => socket.destroy());

  expect((await failureOf(send(upstreamAt(server.url)))).kind).toBe('unreachable');
});

test('a server that does not speak HTTP is a protocol failure', async () => {
  expect((await failureOf(answerTo('220 smtp ready\r\n'))).kind).toBe('protocol');
});

test.each([
  ['HTML', 'content-type: text/html\r\ncontent-length: 2\r\n\r\nhi'],
  ['plain text', 'content-type: text/plain\r\ncontent-length: 2\r\n\r\nhi'],
])('200 with %s is a protocol failure and closes the connection', async (_name, rest) => {
  await using server = await listen(({ socket }) => socket.write(`HTTP/1.1 200 OK\r\n${rest}more`));

  expect((await failureOf(send(upstreamAt(server.url)))).kind).toBe('protocol');
  await server.peers[0]?.closed;
});

test('a compressed answer, which we did not ask for, is a protocol failure', async () => {
  const zipped = gzipSync('{}');
  const head = `${JSON_ANSWER}content-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`;

  expect((await failureOf(answerTo(Buffer.concat([Buffer.from(head), zipped])))).kind).toBe(
    'protocol',
  );
});

test('a refusal has its status, its error without secrets, and when to come back', async () => {
  const error = {
    error: { message: 'slow down org-a1b2c3d4 sk-secret-key', type: 'rate', code: 'rate_limit' },
  };
  const body = JSON.stringify(error);
  await using server = await listen(({ socket }) =>
    socket.write(
      `HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  const failure = await failureOf(send(upstreamAt(server.url, { apiKey: 'sk-secret-key' })));

  expect(failure).toMatchObject({ kind: 'status', status: 429, retryAfterS: 7 });
  expect(failure.body).toEqual({
    error: { message: 'slow down *** ***', type: 'rate', param: undefined, code: 'rate_limit' },
  });
});

test.each([
  ['without a body', 'HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n', 503],
  ['with HTML', 'HTTP/1.1 502 Bad\r\ncontent-length: 6\r\n\r\n<html>', 502],
  ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://a/\r\ncontent-length: 0\r\n\r\n', 302],
  ['cut off', 'HTTP/1.1 500 Oh\r\ncontent-length: 60\r\nconnection: close\r\n\r\n{"err', 500],
])('a refusal %s has its status', async (_name, bytes, status) => {
  await using server = await listen(({ socket }) => socket.end(bytes));

  expect(await failureOf(send(upstreamAt(server.url)))).toMatchObject({ kind: 'status', status });
});

test('an endless error body is not read to its end', async () => {
  await using server = await listen(({ socket }) => {
    socket.write('HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n');
    socket.write(httpChunk('x'.repeat(100_000)));
  });

  expect((await failureOf(send(upstreamAt(server.url)))).status).toBe(500);
  await server.peers[0]?.closed;
});

test.each([
  ['a head', ''],
  ['a body after the head', `${EVENT_STREAM}${CHUNKED}`],
])('%s that does not come in time is a timeout and closes the connection', async (_name, bytes) => {
  await using server = await listen(({ socket }) => socket.write(bytes));
  const failure = await failureOf(send(upstreamAt(server.url), { firstByteTimeoutMs: 60 }));

  expect(failure.kind).toBe('timeout');
  await server.peers[0]?.closed;
});

test('a stream that stalls is a timeout, after what it sent was delivered', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('data: {}\n\n')}`),
  );
  const upstream = upstreamAt(server.url, { timeouts: { connectMs: 5000, idleMs: 60 } });
  const answer = await send(upstream);
  let delivered = '';
  const failure = await failureOf(
    answer.relay((chunk) => {
      delivered += chunk.toString();
      return undefined;
    }),
  );

  expect(failure.kind).toBe('timeout');
  expect(delivered).toBe('data: {}\n\n');
  await server.peers[0]?.closed;
});

test('a slow consumer is not mistaken for a stalled upstream', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}${httpChunk('b')}${LAST_HTTP_CHUNK}`),
  );
  const upstream = upstreamAt(server.url, { timeouts: { connectMs: 5000, idleMs: 60 } });
  const answer = await send(upstream);
  let delivered = '';
  await answer.relay(async (chunk) => {
    delivered += chunk.toString();
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
  });

  expect(delivered).toBe('ab');
});

test.each([
  ['shorter than its Content-Length', `${JSON_ANSWER}content-length: 90\r\n\r\n{"a":`],
  ['without its last chunk', `${EVENT_STREAM}${CHUNKED}${httpChunk('{"a":')}`],
])('a body %s is broken, after what it sent was delivered', async (_name, bytes) => {
  await using server = await listen(({ socket }) => socket.end(bytes));
  const answer = await send(upstreamAt(server.url));
  let delivered = '';
  const failure = await failureOf(
    answer.relay((chunk) => {
      delivered += chunk.toString();
      return undefined;
    }),
  );

  expect(failure.kind).toBe('broken');
  expect(delivered).toBe('{"a":');
});

test('a reset in the middle is broken', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const answer = await send(upstreamAt(server.url));
  const failure = await failureOf(
    answer.relay(() => {
      server.peers[0]?.socket.resetAndDestroy();
      return undefined;
    }),
  );

  expect(failure.kind).toBe('broken');
});

test('cancelled before it is sent: nothing is sent', async () => {
  await using server = await listen(() => undefined);
  const cancel = createCancel();
  cancel.cancel();

  expect((await failureOf(send(upstreamAt(server.url), { cancel }))).kind).toBe('cancelled');
});

test('cancelled before the head: the upstream sees the connection close', async () => {
  const arrived = Promise.withResolvers<void>();
  await using server = await listen(() => arrived.resolve());
  const cancel = createCancel();
  const sent = failureOf(send(upstreamAt(server.url), { cancel }));
  await arrived.promise;
  cancel.cancel();

  expect((await sent).kind).toBe('cancelled');
  await server.peers[0]?.closed;
});

test('cancelled in mid-stream: the upstream sees the connection close', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const cancel = createCancel();
  const answer = await send(upstreamAt(server.url), { cancel });
  const failure = await failureOf(
    answer.relay(() => {
      cancel.cancel();
      return undefined;
    }),
  );

  expect(failure.kind).toBe('cancelled');
  await server.peers[0]?.closed;
});

test('cancelled while the consumer is busy: the relay ends at once', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const cancel = createCancel();
  const answer = await send(upstreamAt(server.url), { cancel });
  const failure = await failureOf(
    answer.relay(() => {
      setImmediate(() => cancel.cancel());
      return new Promise(() => undefined);
    }),
  );

  expect(failure.kind).toBe('cancelled');
  await server.peers[0]?.closed;
});

test('cancelled between head and relay: the relay rejects', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const cancel = createCancel();
  const answer = await send(upstreamAt(server.url), { cancel });
  cancel.cancel();
  await server.peers[0]?.closed;

  expect((await failureOf(answer.relay(() => undefined))).kind).toBe('cancelled');
});

test('a whole answer that is read late is read whole', async () => {
  const answer = await answerTo(
    `${EVENT_STREAM}${CHUNKED}${httpChunk('a')}${httpChunk('b')}${LAST_HTTP_CHUNK}`,
  );
  await new Promise((resolve) => {
    setTimeout(resolve, 20);
  });

  expect(await textOf(answer)).toBe('ab');
});

test('a consumer that throws closes the connection and gets its own error back', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const answer = await send(upstreamAt(server.url));
  const fault = new Error('of the consumer');

  await expect(
    answer.relay(() => {
      throw fault;
    }),
  ).rejects.toBe(fault);
  await server.peers[0]?.closed;
});

test.each([
  ['whose promise is pending', true],
  ['who has not begun', false],
])('a consumer %s stops the upstream, and gets every byte in the end', async (_name, begins) => {
  const total = 64 * 1024 * 1024;
  const piece = Buffer.alloc(1024 * 1024, 'x');
  let accepted = 0;
  await using server = await listen(({ socket }) => {
    socket.write(`${JSON_ANSWER}content-length: ${total}\r\n\r\n`);
    const blast = (): void => {
      while (accepted < total) {
        accepted += piece.length;
        if (!socket.write(piece)) {
          socket.once('drain', blast);
          return;
        }
      }
    };
    blast();
  });
  const answer = await send(upstreamAt(server.url), { stream: true });
  expect(answer.kind).toBe('json');
  const ready = Promise.withResolvers<void>();
  let delivered = 0;
  const relay = (): Promise<void> =>
    answer.relay((chunk) => {
      delivered += chunk.length;
      return delivered === chunk.length ? ready.promise : undefined;
    });
  const early = begins ? failureOf(relay()) : undefined;
  let before = -1;
  while (before !== accepted) {
    before = accepted;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }

  expect(accepted).toBeLessThan(total / 2);
  ready.resolve();
  // JSON has a limit of its own.
  expect((await (early ?? failureOf(relay()))).kind).toBe('protocol');
  expect(delivered).toBeGreaterThan(31 * 1024 * 1024);
});

test('the model list is asked for with our key', async () => {
  const got = Promise.withResolvers<string>();
  await using server = await listen(({ socket }, request) => {
    got.resolve(request);
    const body = JSON.stringify({ data: [{ id: 'm', max_model_len: 5 }] });
    socket.write(`${JSON_ANSWER}content-length: ${body.length}\r\n\r\n${body}`);
  });
  const models = await upstreamAt(server.url, { apiKey: 'sk-ours' }).models();

  expect(models).toMatchObject([{ id: 'm', contextLength: 5 }]);
  expect(await got.promise).toMatch(
    /^GET \/v1\/models HTTP\/1.1\r\n[^]*authorization: Bearer sk-ours/,
  );
});

test.each([
  ['HTML', `${JSON_ANSWER}content-length: 6\r\n\r\n<html>`, 'protocol'],
  ['401', 'HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n', 'status'],
])('a model list of %s is a failure', async (_name, bytes, kind) => {
  await using server = await listen(({ socket }) => socket.write(bytes));

  expect((await failureOf(upstreamAt(server.url).models())).kind).toBe(kind);
});

test('close ends what is running', async () => {
  await using server = await listen(({ socket }) =>
    socket.write(`${EVENT_STREAM}${CHUNKED}${httpChunk('a')}`),
  );
  const upstream = upstreamAt(server.url);
  const relayed = failureOf((await send(upstream)).relay(() => undefined));
  await upstream.close();

  expect((await relayed).kind).toBe('broken');
});
