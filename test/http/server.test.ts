import { describe, expect, test } from 'vitest';

import { createMetrics } from '../../src/http/metrics.ts';
import { msat, ZERO_MSAT } from '../../src/lib/amount.ts';
import { RouterError } from '../../src/lib/errors.ts';
import { ask, exchange, open, postJson, report, serve, settlementOf } from './serving.ts';

const CHAT = '/v1/chat/completions';
const asJson = (text: string) => JSON.parse(text) as Record<string, Record<string, unknown>>;

describe('answers', () => {
  test('a JSON answer carries its cost, its change and the id of the request', async () => {
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        sink.header('x-nutroute-max-tokens', '77');
        sink.endJson(
          Buffer.from('{"a":1}'),
          settlementOf(msat(1_234n), {
            change: { token: 'cashuBchange', amountSat: 7n, header: true },
            headers: { 'x-nutroute-balance-msat': '9' },
          }),
        );
        return report;
      },
    });

    const answer = await ask(serving.url + CHAT, postJson({}));

    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"a":1}');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '7',
      'x-nutroute-cost-msat': '1234',
      'x-routstr-cost-msats': '1234',
      'x-nutroute-max-tokens': '77',
      'x-nutroute-balance-msat': '9',
      'x-cashu': 'cashuBchange',
      'access-control-allow-origin': '*',
    });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers['x-routstr-request-id']).toBe(answer.headers['x-request-id']);
    expect(answer.headers['access-control-expose-headers']).toContain('x-cashu');
  });

  test('change that must not travel in a header does not', async () => {
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        const change = { token: 'cashuBlong', amountSat: 7n, header: false };
        sink.fail(
          new RouterError('upstream_unavailable', 'no'),
          settlementOf(ZERO_MSAT, { change }),
        );
        return report;
      },
    });

    const answer = await ask(serving.url + CHAT, postJson({}));

    expect(answer.status).toBe(502);
    expect(answer.headers['x-cashu']).toBeUndefined();
    expect(asJson(answer.text)['x_cashu']).toBe('cashuBlong');
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  test('both paths of the API are one', async () => {
    await using serving = await serve();

    for (const path of [CHAT, '/chat/completions', '//v1//chat/completions/']) {
      expect((await ask(serving.url + path, postJson({}))).status).toBe(200);
    }
  });

  test('the request reaches the path as its bytes', async () => {
    const bodies: string[] = [];
    await using serving = await serve({
      complete: async ({ body }, sink) => {
        bodies.push(body.toString());
        sink.endJson(Buffer.from('{}'), settlementOf(ZERO_MSAT));
        return report;
      },
    });

    await ask(serving.url + CHAT, postJson('{"model" :\n"x"} '));

    expect(bodies).toEqual(['{"model" :\n"x"} ']);
  });
});

describe('errors', () => {
  test('an error has the OpenAI shape, the detail that Routstr clients read, and its headers', async () => {
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        sink.fail(
          new RouterError('payment_required', 'Pay first.', {
            headers: { 'www-authenticate': ['L402 a', 'Payment b'], 'x-cashu': 'creqA' },
            fields: { price: { amount: 5 } },
          }),
          undefined,
        );
        return report;
      },
    });

    const answer = await ask(serving.url + CHAT, postJson({}));

    expect(answer.status).toBe(402);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['x-cashu']).toBe('creqA');
    expect(answer.headers['x-should-retry']).toBe('false');
    const lines = answer.rawHeaders.filter((_, at) =>
      /^www-authenticate$/i.test(answer.rawHeaders[at - 1] ?? ''),
    );
    expect(lines).toEqual(['L402 a', 'Payment b']);
    const error = {
      message: 'Pay first.',
      type: 'payment_required',
      param: null,
      code: 'payment_required',
    };
    expect(asJson(answer.text)).toMatchObject({
      error,
      detail: { error },
      request_id: answer.headers['x-request-id'],
      price: { amount: 5 },
    });
  });

  test('a resend that can help is not forbidden, and told when', async () => {
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        sink.fail(new RouterError('balance_in_use', 'wait', { retryAfterS: 3 }), undefined);
        return report;
      },
    });

    const answer = await ask(serving.url + CHAT, postJson({}));

    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBe('3');
    expect(answer.headers['x-should-retry']).toBeUndefined();
  });

  test.each([
    ['GET', '/v1/embeddings', 404, 'not_found'],
    ['POST', '/v1/embeddings', 404, 'not_found'],
    ['POST', '/v1/responses', 404, 'not_found'],
    ['GET', '/nothing', 404, 'not_found'],
    ['GET', CHAT, 405, 'method_not_allowed'],
    ['DELETE', CHAT, 405, 'method_not_allowed'],
    ['POST', '/v1/models', 405, 'method_not_allowed'],
    ['POST', '/v1/models/a%2Fb', 405, 'method_not_allowed'],
    ['POST', '/health', 405, 'method_not_allowed'],
    ['GET', '/v1/wallet/refund', 405, 'method_not_allowed'],
    ['GET', '/v1/models/unknown', 404, 'model_not_found'],
    ['GET', '/v1/models/%ff', 400, 'invalid_request'],
    ['POST', '/%zz', 400, 'invalid_request'],
  ])('%s %s answers %i %s', async (method, path, status, code) => {
    await using serving = await serve();

    const answer = await ask(serving.url + path, { method });

    expect(answer.status).toBe(status);
    expect(asJson(answer.text)['error']?.['code']).toBe(code);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['x-request-id']).toBeDefined();
  });

  test('a body over the limit is 413', async () => {
    await using serving = await serve({ limits: { bodyBytes: 1_000 } });

    const declared = await ask(serving.url + CHAT, postJson('x'.repeat(1_001)));
    const chunked = await ask(serving.url + CHAT, {
      ...postJson('x'.repeat(1_001)),
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    });

    for (const answer of [declared, chunked]) {
      expect(answer.status).toBe(413);
      expect(asJson(answer.text)['error']?.['code']).toBe('request_too_large');
    }
  });

  test.each([
    ['text/plain', undefined],
    ['application/x-www-form-urlencoded', undefined],
    [undefined, undefined],
    ['application/json', 'gzip'],
  ])('a body of type %s and encoding %s is 415', async (type, encoding) => {
    await using serving = await serve();
    const headers = {
      ...(type !== undefined && { 'content-type': type }),
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    };

    const answer = await ask(serving.url + CHAT, { method: 'POST', headers, body: '{}' });

    expect(answer.status).toBe(415);
    expect(asJson(answer.text)['error']?.['code']).toBe('unsupported_media_type');
  });

  test('a request without a body is 400', async () => {
    await using serving = await serve();

    const answer = await ask(serving.url + CHAT, { method: 'POST' });

    expect(answer.status).toBe(400);
    expect(asJson(answer.text)['error']?.['code']).toBe('invalid_json');
  });

  test('a header block over the limit is 431 with a JSON body', async () => {
    await using serving = await serve();

    const answer = await ask(serving.url + CHAT, {
      ...postJson({}),
      headers: { 'content-type': 'application/json', 'x-cashu': 'a'.repeat(70_000) },
    });

    expect(answer.status).toBe(431);
    expect(asJson(answer.text)['error']?.['code']).toBe('headers_too_large');
  });

  test('a header block of 60 KB passes', async () => {
    await using serving = await serve();

    const answer = await ask(serving.url + CHAT, {
      ...postJson({}),
      headers: { 'content-type': 'application/json', 'x-cashu': 'a'.repeat(60_000) },
    });

    expect(answer.status).toBe(200);
  });

  test('what is not HTTP is 400', async () => {
    await using serving = await serve();

    const answer = await exchange(serving.port, 'hello\r\n\r\n');

    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('"code":"invalid_request"');
  });

  test('an error that nobody foresaw says nothing about itself, and the log says where', async () => {
    const logged: object[] = [];
    const log = (fields: object) => void logged.push(fields);
    await using serving = await serve({
      wallet: {
        info: async () => {
          throw new TypeError('secret of the payer');
        },
        refund: async () => ({ status: 200, body: {}, headers: {} }),
      },
      log: { trace: log, debug: log, info: log, warn: log, error: log },
    });

    const answer = await ask(`${serving.url}/v1/wallet/info`);

    expect(answer.status).toBe(500);
    expect(asJson(answer.text)['error']?.['code']).toBe('internal_error');
    expect(answer.text).not.toContain('secret');
    expect(logged).toMatchObject([{ error: 'internal_error', cause: { name: 'TypeError' } }]);
    expect(JSON.stringify(logged)).not.toContain('secret');
  });
});

describe('credentials', () => {
  const ACCEPTED: [string, string[]][] = [
    ['one Bearer token', ['Authorization: Bearer cashuBabc']],
    ['the same token twice', ['Authorization: Bearer cashuBabc', 'X-Cashu: cashuBabc']],
    ['the same token by its own scheme', ['Authorization: Cashu cashuBabc', 'X-Cashu: cashuBabc']],
    ['a token beside a key that is none', ['Authorization: Bearer unused', 'X-Cashu: cashuBabc']],
  ];
  const REFUSED: [string, string[]][] = [
    [
      'two Authorization lines',
      ['Authorization: Bearer cashuBabc', 'authorization: Bearer unused'],
    ],
    ['two X-Cashu lines', ['X-Cashu: cashuBabc', 'x-cashu: cashuBabc']],
    ['two tokens', ['Authorization: Bearer cashuBabc', 'X-Cashu: cashuBabd']],
    ['two tokens, one by its own scheme', ['Authorization: Cashu cashuBabc', 'X-Cashu: cashuBabd']],
  ];
  const post = (lines: readonly string[]) =>
    [
      `POST ${CHAT} HTTP/1.1`,
      'Host: x',
      'Connection: close',
      'Content-Type: application/json',
      'Content-Length: 2',
      ...lines,
      '',
      '{}',
    ].join('\r\n');

  test.each(ACCEPTED)('%s is accepted', async (_title, lines) => {
    await using serving = await serve();

    expect(await exchange(serving.port, post(lines))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each(REFUSED)('%s are refused (P18)', async (_title, lines) => {
    let asked = 0;
    await using serving = await serve({
      complete: async () => {
        asked += 1;
        return report;
      },
    });

    const answer = await exchange(serving.port, post(lines));

    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"multiple_credentials"');
    expect(asked).toBe(0);
  });

  test('a rail sees the credential, the address and the id, also behind a proxy on this machine', async () => {
    const seen: object[] = [];
    await using serving = await serve({
      complete: async ({ credentials, requestId }, sink) => {
        const { address, headers } = credentials;
        seen.push({ address, authorization: headers.authorization, requestId });
        sink.endJson(Buffer.from('{}'), settlementOf(ZERO_MSAT));
        return report;
      },
    });

    const headers = { 'content-type': 'application/json', authorization: 'Bearer cashuBabc' };
    const first = await ask(serving.url + CHAT, { ...postJson({}), headers });
    await ask(serving.url + CHAT, {
      ...postJson({}),
      headers: { ...headers, 'x-forwarded-for': '203.0.113.9' },
    });

    expect(seen).toMatchObject([
      {
        address: '127.0.0.1',
        authorization: 'Bearer cashuBabc',
        requestId: first.headers['x-request-id'],
      },
      { address: '203.0.113.9' },
    ]);
  });
});

describe('CORS', () => {
  test('a preflight allows what the SDKs send and nothing else', async () => {
    await using serving = await serve();

    const answer = await ask(serving.url + CHAT, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers':
          'authorization,content-type,x-cashu,x-cashu-change,x-nutroute-provider,x-stainless-os,openai-project,x-evil',
      },
    });

    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-methods']).toBe('GET, POST, OPTIONS');
    expect(answer.headers['access-control-allow-headers']).toBe(
      'authorization, content-type, x-cashu, x-cashu-change, x-nutroute-provider, x-stainless-os, openai-project',
    );
  });
});

describe('routes about this node', () => {
  const MODELS = { items: () => [{ id: 'org/name' }, { id: 'plain' }] };

  test('the models, one by one and in a list', async () => {
    await using serving = await serve({ models: MODELS });

    for (const path of ['/v1/models', '/models', '/v1/models/']) {
      const { text } = await ask(serving.url + path);
      expect(JSON.parse(text)).toEqual({
        object: 'list',
        data: [{ id: 'org/name' }, { id: 'plain' }],
      });
    }
    for (const path of ['org/name', 'org%2Fname']) {
      const { text } = await ask(`${serving.url}/v1/models/${path}`);
      expect(JSON.parse(text)).toEqual({ id: 'org/name' });
    }
  });

  test('a list that changes is told anew', async () => {
    let items = [{ id: 'a' }];
    await using serving = await serve({ models: { items: () => items } });

    await ask(`${serving.url}/v1/models`);
    items = [{ id: 'b' }];

    const { text } = await ask(`${serving.url}/v1/models`);
    expect(JSON.parse(text)).toMatchObject({ data: [{ id: 'b' }] });
  });

  test('who we are, to machines and to browsers', async () => {
    await using serving = await serve({ models: MODELS });

    const info = asJson((await ask(`${serving.url}/v1/info`)).text);
    const root = asJson((await ask(serving.url)).text);
    const page = await ask(serving.url, { headers: { accept: 'text/html,*/*' } });

    expect(info).toMatchObject({ name: 'test node', mints: ['https://mint.example'] });
    expect(info['version']).not.toMatch(/^0\.1\./);
    expect(root).toMatchObject({
      name: 'test node',
      models: [{ id: 'org/name' }, { id: 'plain' }],
    });
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).toContain('https://mint.example');
  });

  test('health tells why not', async () => {
    const reasons: string[] = [];
    await using serving = await serve({ reasons: () => reasons });

    const well = await ask(`${serving.url}/health`);
    reasons.push('no mint answers');
    const unwell = await ask(`${serving.url}/health`);

    expect([well.status, unwell.status]).toEqual([200, 503]);
    expect(JSON.parse(unwell.text)).toEqual({
      status: 'unavailable',
      reasons: ['no mint answers'],
    });
  });

  test('metrics count, and are for this machine only', async () => {
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        sink.fail(new RouterError('no_upstream', 'no'), undefined);
        return { ...report, charge: msat(42n), error: new RouterError('no_upstream', 'no') };
      },
    });
    await ask(serving.url + CHAT, postJson({}));

    const local = await ask(`${serving.url}/metrics`);
    const foreign = await ask(`${serving.url}/metrics`, {
      headers: { 'x-forwarded-for': '203.0.113.9' },
    });

    expect(local.text).toContain('nutroute_requests_total{status="503"} 1');
    expect(local.text).toContain('nutroute_charged_msat_total 42');
    expect(local.text).toContain('nutroute_errors_total{code="no_upstream"} 1');
    expect(local.text).toContain('nutroute_upstream_attempts_total{provider="p"} 1');
    expect(foreign.status).toBe(404);
  });
});

test('metrics of providers are of bounded number, whoever comes and goes', async () => {
  const metrics = createMetrics({ size: 0, streams: 0 });
  for (let index = 0; index < 2_000; index += 1) {
    metrics.count(200, {
      ...report,
      attempts: [{ provider: `node-${index}`, failure: undefined }],
    });
  }

  const lines = (await metrics.text()).split('\n').filter((line) => /attempts_total\{/.test(line));

  expect(lines).toHaveLength(501);
  expect(lines.at(-1)).toContain('{provider="other"} 1500');
});

describe('wallet routes', () => {
  test.each(['/v1/wallet', '/v1/wallet/', '/v1/wallet/info', '/v1/balance/', '/v1/balance/info'])(
    'GET %s describes the credential',
    async (path) => {
      await using serving = await serve({
        wallet: {
          info: async ({ headers }) => ({ credential: headers.authorization }),
          refund: async () => ({ status: 200, body: {}, headers: {} }),
        },
      });

      const answer = await ask(serving.url + path, { headers: { authorization: 'Bearer x' } });

      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual({ credential: 'Bearer x' });
      expect(answer.headers['cache-control']).toBe('no-store');
    },
  );

  test.each([
    ['/v1/wallet/refund', undefined, ''],
    ['/v1/balance/refund', 'application/json', '{}'],
    ['/v1/wallet/refund', 'application/json', ''],
    ['/v1/wallet/refund', 'application/x-www-form-urlencoded', ''],
  ])('POST %s with body type %s gives the rest', async (path, type, body) => {
    await using serving = await serve({
      wallet: {
        info: async () => ({}),
        refund: async () => ({
          status: 200,
          body: { token: 'cashuBrest' },
          headers: { 'x-cashu': 'cashuBrest' },
        }),
      },
    });

    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await ask(serving.url + path, { method: 'POST', headers, body });

    expect(answer.status).toBe(200);
    expect(answer.headers['x-cashu']).toBe('cashuBrest');
    expect(JSON.parse(answer.text)).toEqual({ token: 'cashuBrest' });
  });

  test('an error of the wallet has our shape', async () => {
    await using serving = await serve({
      wallet: {
        info: async () => ({}),
        refund: async () => {
          throw new RouterError('refund_pending', 'running', { retryAfterS: 1 });
        },
      },
    });

    const answer = await ask(`${serving.url}/v1/wallet/refund`, { method: 'POST' });

    expect(answer.status).toBe(425);
    expect(answer.headers['retry-after']).toBe('1');
    expect(asJson(answer.text)['error']?.['code']).toBe('refund_pending');
  });
});

describe('load and shutdown', () => {
  test('beyond the bound of answers in work there is 429', async () => {
    const held = Promise.withResolvers<void>();
    await using serving = await serve({
      limits: { maxRunning: 1 },
      complete: async (_incoming, sink) => {
        await held.promise;
        sink.endJson(Buffer.from('{}'), settlementOf(ZERO_MSAT));
        return report;
      },
    });

    const first = ask(serving.url + CHAT, postJson({}));
    await expect.poll(async () => (await ask(serving.url + CHAT, postJson({}))).status).toBe(429);
    held.resolve();

    expect((await first).status).toBe(200);
    expect((await ask(serving.url + CHAT, postJson({}))).status).toBe(200);
  });

  test('a drain lets a running stream finish, refuses new requests, and then closes', async () => {
    const held = Promise.withResolvers<void>();
    await using serving = await serve({
      complete: async (_incoming, sink) => {
        await sink.write(Buffer.from('data: 1\n\n'));
        await held.promise;
        sink.endStream(Buffer.from('data: [DONE]\n\n'));
        return report;
      },
    });
    const stream = await open(serving.url + CHAT, postJson({}));

    const drained = serving.server.drain(10_000);
    const refused = await ask(serving.url + CHAT, postJson({}));
    held.resolve();
    let text = '';
    for await (const piece of stream) text += String(piece);
    await drained;

    expect(refused.status).toBe(503);
    expect(refused.headers.connection).toBe('close');
    expect(asJson(refused.text)['error']?.['code']).toBe('shutting_down');
    expect(text).toBe('data: 1\n\ndata: [DONE]\n\n');
    await expect(ask(serving.url)).rejects.toThrow('ECONNREFUSED');
  });

  test('a drain waits no longer than it was told: the payers that remain count as gone', async () => {
    const ends: boolean[] = [];
    const serving = await serve({
      complete: async ({ gone }, sink) => {
        await sink.write(Buffer.from('data: 1\n\n'));
        await new Promise<void>((resolve) => gone.onCancel(resolve));
        ends.push(gone.cancelled);
        return report;
      },
    });
    const stream = await open(serving.url + CHAT, postJson({}));
    stream.on('error', () => undefined);

    await serving.server.drain(20);

    expect(ends).toEqual([true]);
    expect(stream.complete).toBe(false);
  });

  test('a second drain is the first', async () => {
    await using serving = await serve();
    await serving.server.drain(0);

    await expect(serving.server.drain(0)).resolves.toBeUndefined();
  });
});
