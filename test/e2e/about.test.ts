import { decodePaymentRequest } from '@cashu/cashu-ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { call, chat, costOf } from '../support/router-chat.ts';
import { INPUT_MSAT, MODEL, OUTPUT_MSAT, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

let world: RouterWorld;

beforeAll(async () => {
  world = await routerWorld({ upstreams: [{}, {}] });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

type Json = Readonly<Record<string, unknown>>;

async function getJson(path: string, headers = {}): Promise<Json> {
  const answer = await call(`${world.url}${path}`, { headers });
  expect(answer.status).toBe(200);
  return JSON.parse(await answer.text()) as Json;
}

const text = expect.any(String) as string;
const number = expect.any(Number) as number;
const prices = {
  prompt: number,
  completion: number,
  request: number,
  image: number,
  web_search: number,
  internal_reasoning: number,
};

test('an item of /v1/models carries every field that some client cannot do without, in its type', async () => {
  const list = await getJson('/v1/models');
  const [item] = list['data'] as Json[];

  expect(list['object']).toBe('list');
  expect(item).toMatchObject({
    id: MODEL,
    object: 'model',
    name: 'Demo',
    description: text,
    owned_by: text,
    created: number,
    context_length: 131_072,
    architecture: {
      modality: 'text->text',
      input_modalities: ['text'],
      output_modalities: ['text'],
      tokenizer: text,
      instruct_type: null,
    },
    pricing: prices,
    sats_pricing: {
      ...prices,
      max_prompt_cost: number,
      max_completion_cost: number,
      max_cost: number,
    },
    top_provider: { context_length: 131_072, max_completion_tokens: 8_192, is_moderated: false },
    per_request_limits: null,
    min_cost_per_request: number,
    enabled: true,
  });
  expect(Number.isInteger(item?.['created'])).toBe(true);
});

test('the price that is told is the dearest upstream’s, in sat and in USD, and no answer costs more', async () => {
  const [item] = (await getJson('/v1/models'))['data'] as Json[];
  const inSat = item?.['sats_pricing'] as Readonly<Record<string, number>>;
  const inUsd = item?.['pricing'] as Readonly<Record<string, number>>;

  expect(inSat['prompt']).toBeCloseTo((INPUT_MSAT * 1.1) / 1000, 9);
  expect(inSat['completion']).toBeCloseTo((OUTPUT_MSAT * 1.1) / 1000, 9);
  // A bitcoin is 100,000 USD here, so a sat is a tenth of a cent.
  expect(inUsd['completion']).toBeCloseTo(((OUTPUT_MSAT * 1.1) / 1000) * 0.001, 12);
  expect(inSat['max_cost']).toBeCloseTo(
    131_072 * (inSat['prompt'] ?? 0) + 8_192 * (inSat['completion'] ?? 0),
    1,
  );
  expect(item?.['min_cost_per_request']).toBe(Math.ceil((inSat['max_cost'] ?? 0) * 1000));

  const answer = await chat(world.url, world.fund(1000));
  const body = await answer.json();
  const { prompt_tokens: input = 0, completion_tokens: output = 0 } = body.usage ?? {};
  const most = input * (inSat['prompt'] ?? 0) + output * (inSat['completion'] ?? 0);
  expect(costOf(body)).toBeLessThanOrEqual(Math.ceil(most * 1000));
});

test('one model is told as it is listed', async () => {
  const [item] = (await getJson('/v1/models'))['data'] as Json[];

  expect(await getJson(`/v1/models/${MODEL}`)).toEqual(item);
  expect((await call(`${world.url}/v1/models/no-such`)).status).toBe(404);
});

test('/v1/info and / tell the node, its mints and its version', async () => {
  const info = await getJson('/v1/info');
  const root = await getJson('/');

  expect(info).toMatchObject({
    name: 'e2e node',
    description: 'for tests',
    version: text,
    mint: world.mint.url,
    mints: [world.mint.url],
  });
  expect(root).toMatchObject({ ...info, models: [expect.objectContaining({ id: MODEL })] });
  const page = await call(`${world.url}/`, { headers: { accept: 'text/html' } });
  expect(page.headers['content-type']).toContain('text/html');
});

test('/health says yes, and no with its reasons when the only mint is away', async () => {
  expect((await getJson('/health'))['status']).toBe('ok');

  await using lonely = await routerWorld();
  lonely.mint.addFault({ path: '/v1/*', kind: 'drop', times: 1_000 });
  for (let attempt = 0; attempt < 3; attempt++) await chat(lonely.url, lonely.fund(100));
  const ill = await call(`${lonely.url}/health`);
  expect(ill.status).toBe(503);
  expect((JSON.parse(await ill.text()) as { reasons: string[] }).reasons).toHaveLength(1);
});

test('a page of another origin may pay, and may read cost, change and request id', async () => {
  const preflight = await call(`${world.url}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-cashu,x-stainless-lang',
    },
  });
  const answer = await chat(world.url, world.fund(1000), {
    headers: { origin: 'https://app.example' },
  });

  expect(preflight.status).toBe(204);
  expect(preflight.headers['access-control-allow-origin']).toBe('*');
  expect(preflight.headers['access-control-allow-headers']).toBe(
    'authorization, content-type, x-cashu, x-stainless-lang',
  );
  expect(preflight.headers['access-control-allow-methods']).toContain('POST');
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  const exposed = answer.headers['access-control-expose-headers'] ?? '';
  for (const name of ['x-cashu', 'x-request-id', 'x-nutroute-cost-msat']) {
    expect(exposed).toContain(name);
    expect(answer.headers[name]).toBeTypeOf('string');
  }
});

test('a 402 is a NUT-18 request, in a header and in plain fields; paying exactly what it asks is enough', async () => {
  const fields = { max_tokens: 200 };
  const refused = await chat(world.url, 'none', { fields });
  const body = (await refused.json()) as unknown as {
    readonly error: { readonly code: string };
    readonly price: { readonly amount: number; readonly unit: string; readonly max_msat: number };
    readonly cashu: { readonly amount: number; readonly mints: string[]; readonly request: string };
  };
  const request = decodePaymentRequest(String(refused.headers['x-cashu']));

  expect(refused.status).toBe(402);
  expect(body.error.code).toBe('payment_required');
  expect(String(refused.headers['x-cashu'])).toMatch(/^creqA/);
  expect(body.cashu).toMatchObject({
    mints: [world.mint.url],
    request: refused.headers['x-cashu'],
  });
  expect(request.mints).toEqual([world.mint.url]);
  expect(request.unit).toBe('sat');
  expect(Number(request.amount?.toString())).toBe(body.cashu.amount);
  expect(body.price.max_msat).toBeGreaterThan(200 * OUTPUT_MSAT);

  const paid = await chat(world.url, world.fund(body.cashu.amount), { fields });
  expect(paid.status).toBe(200);
  expect(paid.headers['x-nutroute-max-tokens']).toBeUndefined();
  expect(costOf(await paid.json())).toBeLessThanOrEqual(body.price.max_msat);
});

test('a 402 asks for what the request would cost: more output, more money', async () => {
  const amountFor = async (fields: object): Promise<number> => {
    const refused = await chat(world.url, 'none', { fields });
    return Number(
      decodePaymentRequest(String(refused.headers['x-cashu'])).amount?.toString() ?? '0',
    );
  };

  const small = await amountFor({ max_tokens: 10 });
  const large = await amountFor({ max_tokens: 1_000 });
  const double = await amountFor({ max_tokens: 1_000, n: 2 });

  expect(small).toBeGreaterThan(0);
  expect(large).toBeGreaterThan(small + 40);
  expect(double).toBeGreaterThan(large + 40);
});
