import { once } from 'node:events';
import { connect } from 'node:net';

import { expect, test } from 'vitest';

import { ZERO_MSAT } from '../../src/lib/amount.ts';
import { RouterError } from '../../src/lib/errors.ts';
import { ask, open, postJson, report, serve, settlementOf } from './serving.ts';

const CHAT = '/v1/chat/completions';
const event = (text: string) => Buffer.from(`data: ${text}\n\n`);

test('a stream says that nobody may collect or keep it, and carries the headers of every answer', async () => {
  await using serving = await serve({
    complete: async (_incoming, sink) => {
      sink.header('x-nutroute-max-tokens', '12');
      await sink.write(event('1'));
      sink.header('x-too-late', '1');
      sink.endStream(event('[DONE]'));
      return report;
    },
  });

  const answer = await ask(serving.url + CHAT, postJson({}));

  expect(answer.text).toBe('data: 1\n\ndata: [DONE]\n\n');
  expect(answer.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'private, no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-nutroute-max-tokens': '12',
    'access-control-allow-origin': '*',
  });
  expect(answer.headers['x-request-id']).toBeDefined();
  expect(answer.headers['x-too-late']).toBeUndefined();
});

test('the first byte arrives while the path is still working', async () => {
  const held = Promise.withResolvers<void>();
  await using serving = await serve({
    complete: async (_incoming, sink) => {
      await sink.write(event('first'));
      await held.promise;
      sink.endStream(event('last'));
      return report;
    },
  });

  const stream = await open(serving.url + CHAT, postJson({}));
  const [first] = (await once(stream, 'data')) as [Buffer];

  expect(first.toString()).toBe('data: first\n\n');
  held.resolve();
  stream.resume();
  await once(stream, 'end');
});

test('a silent stream is kept alive by comments, but only between two events', async () => {
  const held = Promise.withResolvers<void>();
  const halved = Promise.withResolvers<void>();
  await using serving = await serve({
    limits: { beatMs: 5, keepAliveBeats: 2 },
    complete: async (_incoming, sink) => {
      await sink.write(event('1'));
      await held.promise;
      await sink.write(Buffer.from('data: half'));
      await halved.promise;
      sink.endStream(Buffer.from(' and whole\n\n'));
      return report;
    },
  });

  const stream = await open(serving.url + CHAT, postJson({}));
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  await expect.poll(() => text).toContain(': keep-alive\n\n: keep-alive\n\n');
  held.resolve();
  await new Promise((resolve) => setTimeout(resolve, 50));
  halved.resolve();
  await once(stream, 'end');

  expect(text.replaceAll(': keep-alive\n\n', '')).toBe('data: 1\n\ndata: half and whole\n\n');
  expect(text).toContain('data: half and whole\n\n');
});

test('nothing is sent before the first byte of the answer, so that an error can still have a status', async () => {
  const held = Promise.withResolvers<void>();
  await using serving = await serve({
    limits: { beatMs: 2, keepAliveBeats: 1 },
    complete: async (_incoming, sink) => {
      await held.promise;
      sink.fail(new RouterError('upstream_timeout', 'late'), undefined);
      return report;
    },
  });

  const answer = ask(serving.url + CHAT, postJson({}));
  await new Promise((resolve) => setTimeout(resolve, 30));
  held.resolve();

  expect((await answer).status).toBe(504);
});

test('a payer that leaves is told at once', async () => {
  const left = Promise.withResolvers<void>();
  await using serving = await serve({
    complete: async ({ gone }, sink) => {
      gone.onCancel(left.resolve);
      await sink.write(event('1'));
      await left.promise;
      expect(sink.write(event('2'))).toBeUndefined();
      sink.endStream(event('3'));
      return report;
    },
  });

  const stream = await open(serving.url + CHAT, postJson({}));
  stream.on('error', () => undefined);
  stream.destroy();

  await expect(left.promise).resolves.toBeUndefined();
});

test('a finished answer is not a payer that left', async () => {
  const seen: boolean[] = [];
  await using serving = await serve({
    complete: async ({ gone }, sink) => {
      gone.onCancel(() => seen.push(true));
      sink.endJson(Buffer.from('{}'), settlementOf(ZERO_MSAT));
      return report;
    },
  });

  await ask(serving.url + CHAT, postJson({}));
  await serving.server.drain(1_000);

  expect(seen).toEqual([]);
});

test('a payer that stops reading holds the stream back, and counts as gone when it never reads again', async () => {
  const MEGABYTE = Buffer.alloc(1 << 20, 'x');
  const outcome = Promise.withResolvers<{ waits: number; isGone: boolean }>();
  await using serving = await serve({
    limits: { beatMs: 10, stallBeats: 5 },
    complete: async ({ gone }, sink) => {
      let waits = 0;
      for (let sent = 0; sent < 64 && !gone.cancelled; sent += 1) {
        const full = sink.write(MEGABYTE);
        if (full !== undefined) waits += 1;
        await full;
      }
      outcome.resolve({ waits, isGone: gone.cancelled });
      return report;
    },
  });

  const socket = connect(serving.port, '127.0.0.1', () => {
    socket.write(
      `POST ${CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
  });
  socket.on('error', () => undefined);
  socket.pause();

  const { waits, isGone } = await outcome.promise;
  expect(waits).toBeGreaterThan(0);
  expect(isGone).toBe(true);
  socket.destroy();
});

test('a payer that reads slowly gets every byte', async () => {
  const PIECES = 40;
  await using serving = await serve({
    complete: async (_incoming, sink) => {
      for (let piece = 0; piece < PIECES; piece += 1) {
        await sink.write(Buffer.alloc(1 << 18, 97 + (piece % 26)));
      }
      sink.endStream(Buffer.from('!'));
      return report;
    },
  });

  const stream = await open(serving.url + CHAT, postJson({}));
  let size = 0;
  for await (const piece of stream) {
    size += (piece as Buffer).length;
    if (size % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  expect(size).toBe(PIECES * (1 << 18) + 1);
});
