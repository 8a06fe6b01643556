import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { MODELS } from './bodies.ts';
import { serveParent } from './parent.ts';
import { nowMs } from './time.ts';

/**
 * An upstream that costs next to nothing: preformed bytes over plain sockets. The first part of the path says what it does:
 * `/json`, `/burst` (52 events as fast as possible), `/paced` (one event every 20 ms), `/silent` (no answer).
 */

const EVENTS = 52;
const PACE_MS = 20;
const LEFT_TIMEOUT_MS = 3_000;
const HEAD_END = Buffer.from('\r\n\r\n');

const USAGE = { prompt_tokens: 120, completion_tokens: 100, total_tokens: 220 };
const WORDS =
  'A preformed answer, about as long as those that people get to see from a small model. ';
const COMPLETION = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_780_000_000,
  model: 'bench',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: WORDS.repeat(6), refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: USAGE,
  system_fingerprint: 'fp_bench',
});
const JSON_ANSWER = answerOf(COMPLETION);
const MODELS_ANSWER = answerOf(
  JSON.stringify({ object: 'list', data: MODELS.map((id) => ({ id, object: 'model' })) }),
);
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const PIECES = streamPieces();

function answerOf(json: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  );
}

/** What is written at each step: one event, framed as one chunk; the head with the first, the end with the last. */
function streamPieces(): readonly Buffer[] {
  const event = (rest: object): string =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-bench',
      object: 'chat.completion.chunk',
      created: 1_780_000_000,
      model: 'bench',
      system_fingerprint: 'fp_bench',
      ...rest,
    })}\n\n`;
  const delta = (content: string, finish: string | null): string =>
    event({
      choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: finish }],
      usage: null,
    });
  const events = [
    ...Array.from({ length: EVENTS - 3 }, (_, index) => delta(` word${index}`, null)),
    delta('', 'stop'),
    event({ choices: [], usage: USAGE }),
    'data: [DONE]\n\n',
  ];
  const framed = events.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`);
  const last = framed.length - 1;
  return framed.map((text, index) =>
    Buffer.from(`${index === 0 ? STREAM_HEAD : ''}${text}${index === last ? '0\r\n\r\n' : ''}`),
  );
}

/** When requests were seen to be given up, in order, and who waits for the next. */
const left: number[] = [];
let waiting: ((atMs: number) => void) | undefined;

function noteLeft(): void {
  const resolve = waiting;
  waiting = undefined;
  if (resolve === undefined) left.push(nowMs());
  else resolve(nowMs());
}

function serve(socket: Socket): void {
  let received = Buffer.alloc(0);
  let isBusy = false;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    if (isBusy) noteLeft();
  });
  const done = (): void => {
    isBusy = false;
  };
  const write = (index: number): void => {
    if (socket.destroyed) return;
    const piece = PIECES[index];
    if (piece === undefined) return;
    if (index === PIECES.length - 1) done();
    socket.write(piece);
  };
  const burst = (index: number): void => {
    write(index);
    if (index + 1 < PIECES.length && !socket.destroyed) setImmediate(burst, index + 1);
  };
  const paced = (): void => {
    let index = 0;
    write(index);
    const timer = setInterval(() => {
      index += 1;
      write(index);
      if (index + 1 >= PIECES.length || socket.destroyed) clearInterval(timer);
    }, PACE_MS);
  };
  const answer = (head: string): void => {
    isBusy = true;
    if (head.startsWith('GET')) {
      done();
      socket.write(MODELS_ANSWER);
    } else if (head.startsWith('POST /json')) {
      done();
      socket.write(JSON_ANSWER);
    } else if (head.startsWith('POST /burst')) burst(0);
    else if (head.startsWith('POST /paced')) paced();
  };
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = received.toString('latin1', 0, headEnd);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (received.length < headEnd + 4 + length) return;
    received = Buffer.alloc(0);
    answer(head);
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});

serveParent({
  /** When the next request was given up by its client; null if none is. */
  async nextLeft() {
    const earlier = left.shift();
    if (earlier !== undefined) return earlier;
    const { promise, resolve } = Promise.withResolvers<number>();
    waiting = resolve;
    const timeout = sleep(LEFT_TIMEOUT_MS, null);
    const first = await Promise.race([promise, timeout]);
    waiting = undefined;
    return first;
  },
  forgetLeft() {
    left.length = 0;
    return null;
  },
});
