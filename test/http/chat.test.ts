import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { APIError, OpenAI } from 'openai';
import { describe, expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { PaymentRail } from '../../src/payment/rail.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { Report } from '../../src/router/report.ts';
import { complete } from '../../src/router/router.ts';
import { RELAY_LIMITS } from '../../src/router/work.ts';
import { createBreaker } from '../../src/upstream/breaker.ts';
import { createOpenAiUpstream } from '../../src/upstream/openai/openai-upstream.ts';
import {
  completion,
  countWords,
  delta,
  DONE,
  finish,
  firstOfEquals,
  railWith,
  usage,
} from '../router/fakes.ts';
import { sourceOf } from '../router/market.ts';
import { ask, open, postJson, serve } from './serving.ts';
import type { Serving } from './serving.ts';

const CHAT = '/v1/chat/completions';
const RICH = 10_000_000n;
/** Two words and 7 tokens of frame, at 10 msat. */
const OWN_INPUT_MSAT = 90n;
const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

type Handler = (response: ServerResponse, body: Record<string, unknown>) => void | Promise<void>;

interface World extends AsyncDisposable {
  readonly serving: Serving;
  readonly url: string;
  readonly reports: Report[];
  /** When upstream `index` saw its connection closed by us, before its answer had ended. */
  readonly closed: readonly Promise<void>[];
  readonly bodies: Record<string, unknown>[];
}

/** The real server and path before real upstreams on loopback; only the money is a fake. */
async function world(
  handlers: readonly Handler[],
  rail: PaymentRail = railWith(RICH),
  onPayerGone: 'cancel' | 'drain' = 'cancel',
): Promise<World> {
  const reports: Report[] = [];
  const bodies: Record<string, unknown>[] = [];
  const closes = handlers.map(() => Promise.withResolvers<void>());
  const servers = handlers.map((handler, index) =>
    createHttpServer((request, response) => {
      response.once('close', () => {
        if (!response.writableFinished) closes[index]?.resolve();
      });
      void readAll(request).then(async (text) => {
        const body = JSON.parse(text) as Record<string, unknown>;
        bodies.push(body);
        await handler(response, body);
      });
    }).listen(0, '127.0.0.1'),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const sources = servers.map((server, index) => {
    const id = String.fromCharCode(97 + index);
    const upstream = createOpenAiUpstream({
      id,
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      onPayerGone,
      timeouts: { connectMs: 1_000, idleMs: 5_000 },
    });
    return sourceOf(id, {
      upstream,
      breaker: createBreaker({ clock: systemClock }),
      timeouts: { firstByteMs: 5_000, answerMs: 5_000 },
    });
  });
  const catalog = createCatalog({
    sources: () => sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  const parts = {
    catalog,
    rails: [rail],
    countTokens: countWords,
    floorOutputTokens: 16,
    routing: firstOfEquals(),
    log: silentLog,
    limits: { ...RELAY_LIMITS, meterMs: 10, usageMs: 500 },
  };
  const serving = await serve({
    complete: async (incoming, sink) => {
      const report = await complete(parts, incoming, sink);
      reports.push(report);
      return report;
    },
  });
  return {
    serving,
    url: serving.url + CHAT,
    reports,
    bodies,
    closed: closes.map(({ promise }) => promise),
    async [Symbol.asyncDispose]() {
      await serving.server.drain(0);
      await Promise.all(sources.map(({ upstream }) => upstream.close()));
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

function startStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

const streams =
  (...pieces: readonly string[]): Handler =>
  (response) => {
    startStream(response);
    for (const piece of pieces) response.write(piece);
    response.end();
  };

describe('through sockets', () => {
  test('the first byte of an answer arrives while the upstream is still producing', async () => {
    const held = Promise.withResolvers<void>();
    await using all = await world([
      async (response) => {
        startStream(response);
        response.write(delta('first'));
        await held.promise;
        response.end(finish() + usage(9, 1) + DONE);
      },
    ]);

    const stream = await open(all.url, postJson({ ...REQUEST, stream: true }));
    const [piece] = (await once(stream, 'data')) as [Buffer];

    expect(piece.toString()).toBe(delta('first'));
    expect(all.reports).toEqual([]);
    held.resolve();
    let rest = '';
    for await (const more of stream) rest += String(more);
    expect(rest).toContain('"total_msats":110');
    expect(rest.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('an OpenAI client reads text, usage, cost and change', async () => {
    await using all = await world([
      streams(delta('Hel'), delta('lo') + finish(), usage(9, 2), DONE),
    ]);
    const client = new OpenAI({ baseURL: `${all.serving.url}/v1`, apiKey: 'cashuBtest' });

    const stream = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    let text = '';
    let last: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      last = chunk;
    }

    expect(text).toBe('Hello');
    expect(last).toMatchObject({
      choices: [],
      usage: { total_tokens: 11, cost: { total_msats: 130 } },
      x_cashu: 'cashuBchange',
    });
  });

  test('an OpenAI client gets an error of an answer that breaks off, after its change', async () => {
    await using all = await world([
      (response) => {
        startStream(response);
        response.write(delta('Hel'), () => response.destroy());
      },
    ]);
    const client = new OpenAI({ baseURL: `${all.serving.url}/v1`, apiKey: 'cashuBtest' });

    const chunks: object[] = [];
    const reading = async (): Promise<void> => {
      const stream = await client.chat.completions.create({
        model: 'm',
        messages: [{ role: 'user', content: 'Hi' }],
        stream: true,
      });
      for await (const chunk of stream) chunks.push(chunk);
    };

    await expect(reading()).rejects.toMatchObject({ code: 'upstream_broke_stream' });
    expect(chunks.at(-1)).toMatchObject({ choices: [], x_cashu: 'cashuBchange' });
  });

  test('an OpenAI client does not repeat what cannot help', async () => {
    const refusing: Handler = (response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        '{"error":{"message":"bad tool","param":"tools","type":"invalid_request_error"}}',
      );
    };
    await using all = await world([refusing]);
    const client = new OpenAI({ baseURL: `${all.serving.url}/v1`, apiKey: 'cashuBtest' });

    const { messages, model } = {
      ...REQUEST,
      messages: [{ role: 'user' as const, content: 'Hi' }],
    };
    const error: unknown = await client.chat.completions
      .create({ model, messages })
      .catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 400, code: 'upstream_rejected', param: 'tools' });
    expect(all.bodies).toHaveLength(1);
  });

  test('a dead upstream and one that begins with an error are followed by the next', async () => {
    const rail = railWith(RICH);
    await using all = await world(
      [
        (response) => void response.destroy(),
        streams('data: {"error":{"message":"no GPU"}}\n\n'),
        streams(delta('ok') + finish() + usage(9, 1) + DONE),
      ],
      rail,
    );

    const answer = await ask(all.url, postJson({ ...REQUEST, stream: true }));

    expect(answer.status).toBe(200);
    expect(answer.text.startsWith(delta('ok'))).toBe(true);
    expect(all.reports[0]).toMatchObject({
      provider: 'c',
      charge: 110n,
      attempts: [{ provider: 'a' }, { provider: 'b', failure: 'protocol' }, { provider: 'c' }],
    });
    expect(rail.ends).toHaveLength(1);
  });

  test('an answer in one piece carries its cost and change in headers', async () => {
    await using all = await world([
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          completion('Hello', { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 }),
        );
      },
    ]);

    const answer = await ask(all.url, postJson(REQUEST));

    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'x-cashu': 'cashuBchange',
      'x-nutroute-cost-msat': '110',
      'content-length': String(Buffer.byteLength(answer.text)),
    });
    expect(JSON.parse(answer.text)).toMatchObject({ usage: { cost: { total_msats: 110 } } });
  });

  test('SIGTERM under a running stream: it finishes, settles and then the server is closed', async () => {
    const held = Promise.withResolvers<void>();
    const rail = railWith(RICH);
    await using all = await world(
      [
        async (response) => {
          startStream(response);
          response.write(delta('first'));
          await held.promise;
          response.end(finish() + usage(9, 1) + DONE);
        },
      ],
      rail,
    );
    const stream = await open(all.url, postJson({ ...REQUEST, stream: true }));
    await once(stream, 'data');

    const drained = all.serving.server.drain(10_000);
    held.resolve();
    let rest = '';
    for await (const more of stream) rest += String(more);
    await drained;

    expect(rest.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(rail.ends).toMatchObject([{ charge: 110n, payerGone: false }]);
  });
});

describe('a payer that hangs up', () => {
  test('before the first byte: the upstream is closed, the input is paid', async () => {
    const arrived = Promise.withResolvers<void>();
    await using all = await world([() => arrived.resolve()]);

    const controller = new AbortController();
    const leaving = open(all.url, {
      ...postJson({ ...REQUEST, stream: true }),
      signal: controller.signal,
    });
    leaving.catch(() => undefined);
    await arrived.promise;
    controller.abort();

    await all.closed[0];
    await expect
      .poll(() => all.reports)
      .toMatchObject([{ charge: OWN_INPUT_MSAT, payerGone: true }]);
  });

  test('in mid-stream: the upstream is closed, and paid is what was sent', async () => {
    const rail = railWith(RICH);
    await using all = await world(
      [
        (response) => {
          startStream(response);
          response.write(delta('one two'));
          response.write(delta(' three'));
        },
      ],
      rail,
    );

    const stream = await open(all.url, postJson({ ...REQUEST, stream: true }));
    stream.on('error', () => undefined);
    let text = '';
    stream.on('data', (piece: Buffer) => (text += piece.toString()));
    await expect.poll(() => text).toContain('three');
    stream.destroy();

    await all.closed[0];
    await expect.poll(() => all.reports).toMatchObject([{ charge: 150n, payerGone: true }]);
    expect(rail.ends).toEqual([{ charge: 150n, payerGone: true, error: undefined }]);
  });

  test('after the finish reason: the upstream may still tell its usage', async () => {
    const left = Promise.withResolvers<void>();
    await using all = await world([
      async (response) => {
        startStream(response);
        response.write(delta('one') + finish());
        await left.promise;
        response.end(usage(9, 300) + DONE);
      },
    ]);

    const stream = await open(all.url, postJson({ ...REQUEST, stream: true }));
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.destroy();
    setTimeout(left.resolve, 50);

    await expect.poll(() => all.reports).toMatchObject([{ charge: 6_090n, payerGone: true }]);
  });

  test('while an answer in one piece is made: the upstream is closed, the input is paid', async () => {
    const arrived = Promise.withResolvers<void>();
    await using all = await world([() => arrived.resolve()]);
    const controller = new AbortController();

    const leaving = open(all.url, { ...postJson(REQUEST), signal: controller.signal });
    leaving.catch(() => undefined);
    await arrived.promise;
    controller.abort();

    await all.closed[0];
    await expect
      .poll(() => all.reports)
      .toMatchObject([{ charge: OWN_INPUT_MSAT, payerGone: true }]);
  });

  test('from a provider that bills in full: the answer is read to its end, and only what was sent is paid', async () => {
    const arrived = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const isRead = Promise.withResolvers<boolean>();
    await using all = await world(
      [
        async (response) => {
          startStream(response);
          response.once('close', () => isRead.resolve(response.writableFinished));
          arrived.resolve();
          await left.promise;
          response.end(delta('one') + finish() + usage(9, 300) + DONE);
        },
      ],
      railWith(RICH),
      'drain',
    );
    const controller = new AbortController();

    const leaving = open(all.url, {
      ...postJson({ ...REQUEST, stream: true }),
      signal: controller.signal,
    });
    leaving.catch(() => undefined);
    await arrived.promise;
    controller.abort();
    setTimeout(left.resolve, 50);

    await expect
      .poll(() => all.reports)
      .toMatchObject([{ charge: OWN_INPUT_MSAT, payerGone: true }]);
    expect(await isRead.promise).toBe(true);
  });
});
