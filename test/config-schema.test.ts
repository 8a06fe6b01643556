import { readFileSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';

import type { Fault } from '../src/lib/parse.ts';
import { rootField } from '../src/lib/parse.ts';
import { providersFile } from '../src/providers-file.ts';

const schema: object = JSON.parse(
  readFileSync(new URL('../providers.schema.json', import.meta.url), 'utf8'),
) as object;
const isValid = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);

const PRICE = { unit: 'usd', input: 0.1, output: 0.2 };
const MODEL = { id: 'm', price: PRICE };
const PROVIDER = { id: 'p', kind: 'openai', baseUrl: 'http://h/v1', models: [MODEL] };
const FILE = { mints: ['https://mint.example'], providers: [PROVIDER] };

const file = (fields: object): unknown => ({ ...FILE, ...fields });
const provider = (fields: object): unknown => file({ providers: [{ ...PROVIDER, ...fields }] });
const model = (fields: object): unknown => provider({ models: [{ ...MODEL, ...fields }] });
const price = (fields: object): unknown => model({ price: { ...PRICE, ...fields } });

function parserAccepts(document: unknown): boolean {
  const faults: Fault[] = [];
  providersFile(rootField(document, '', faults), { env: { KEY: 'k' }, directory: '/nowhere' });
  return faults.length === 0;
}

describe('providers.schema.json and the parser both accept', () => {
  test.each<[string, unknown]>([
    ['the least file', FILE],
    ['a schema reference', file({ $schema: './providers.schema.json' })],
    ['a node', file({ node: { name: 'n', about: 'a', url: 'https://n.example', relays: [] } })],
    ['an empty node', file({ node: {} })],
    ['a fixed exchange rate', file({ bitcoin: { usd: 65_000.5 } })],
    ['payment options', file({ payment: { bearerChange: 'keep', floorOutputTokens: 1 } })],
    ['two mints', file({ mints: ['https://a.example', 'https://b.example'] })],
    ['a private mint', file({ mints: ['http://mint:3338'] })],
    ['every model of the upstream', provider({ models: '*' })],
    ['a default price', provider({ models: '*', price: PRICE })],
    ['the price list', provider({ price: 'list' })],
    ['a key in the environment', provider({ apiKey: 'env:KEY' })],
    ['a markup', provider({ markup: 1.1 })],
    ['drain', provider({ onPayerGone: 'drain' })],
    ['the other limit field', provider({ maxOutputField: 'max_completion_tokens' })],
    ['remote images', provider({ allowRemoteImages: true })],
    ['timeouts', provider({ timeouts: { connectMs: 100, idleMs: 3_600_000 } })],
    ['an alias', model({ upstreamId: 'other', name: 'The model', context: 1, maxOutput: 1 })],
    ['a model without a price', provider({ models: [{ id: 'm' }] })],
    ['free input', price({ input: 0 })],
    ['every price', price({ cachedInput: 1, reasoning: 1, image: 1, request: 1, minimum: 1 })],
    ['prices in sat', price({ unit: 'sat' })],
  ])('%s', (_name, document) => {
    expect(isValid(document)).toBe(true);
    expect(parserAccepts(document)).toBe(true);
  });
});

describe('providers.schema.json and the parser both refuse', () => {
  test.each<[string, unknown]>([
    ['a list', []],
    ['null', null],
    ['an empty object', {}],
    ['an unknown key', file({ mint: 'https://mint.example' })],
    ['no mints', file({ mints: [] })],
    ['a mint that is no URL', file({ mints: ['mint.example'] })],
    ['a mint with a query', file({ mints: ['https://mint.example/?a=1'] })],
    ['a mint with an empty query', file({ mints: ['https://mint.example/?'] })],
    ['a mint of 600 characters', file({ mints: [`https://mint.example/${'a'.repeat(600)}`] })],
    ['a mint with credentials', file({ mints: ['https://a:b@mint.example'] })],
    ['the same mint twice', file({ mints: ['https://a.example', 'https://a.example'] })],
    ['no providers', file({ providers: [] })],
    ['an unknown node key', file({ node: { nome: 'n' } })],
    ['an empty name', file({ node: { name: '' } })],
    ['a name of two lines', file({ node: { name: 'a\nb' } })],
    ['a relay that is no socket', file({ node: { relays: ['https://relay.example'] } })],
    ['a rate of 0', file({ bitcoin: { usd: 0 } })],
    ['a rate as text', file({ bitcoin: { usd: '65000' } })],
    ['an unknown change mode', file({ payment: { bearerChange: 'always' } })],
    ['a floor of 0', file({ payment: { floorOutputTokens: 0 } })],
    ['a null payment', file({ payment: null })],
    ['no id', provider({ id: undefined })],
    ['an id with spaces', provider({ id: 'my gpu' })],
    ['an unknown kind', provider({ kind: 'grpc' })],
    ['no base URL', provider({ baseUrl: undefined })],
    ['a literal key', provider({ apiKey: 'sk-secret' })],
    ['a markup of 0', provider({ markup: 0 })],
    ['no models', provider({ models: [] })],
    ['models left out', provider({ models: undefined })],
    ['models as a name', provider({ models: 'all' })],
    ['an unknown price word', provider({ price: 'auto' })],
    ['an unknown provider key', provider({ pricing: 'list' })],
    ['a timeout of 1 ms', provider({ timeouts: { idleMs: 1 } })],
    ['a fractional timeout', provider({ timeouts: { idleMs: 100.5 } })],
    ['a text for a boolean', provider({ allowRemoteImages: 'yes' })],
    ['a model without id', model({ id: undefined })],
    ['a context of 0', model({ context: 0 })],
    ['a null price', model({ price: null })],
    ['a price without unit', price({ unit: undefined })],
    ['a price in euro', price({ unit: 'eur' })],
    ['a price without output', price({ output: undefined })],
    ['a negative price', price({ input: -1 })],
    ['a price as text', price({ input: '0.1' })],
    ['an unknown price', price({ audio: 1 })],
  ])('%s', (_name, document) => {
    // Through JSON, so that `undefined` means left out.
    const written: unknown = JSON.parse(JSON.stringify(document));

    expect(isValid(written)).toBe(false);
    expect(parserAccepts(written)).toBe(false);
  });
});

describe('the parser alone refuses, because a schema cannot', () => {
  test.each<[string, unknown]>([
    ['a public mint without TLS', file({ mints: ['http://mint.example'] })],
    ['two spellings of a mint', file({ mints: ['https://a.example', 'https://A.example/'] })],
    ['two providers of one name', file({ providers: [PROVIDER, PROVIDER] })],
    ['two models of one name', provider({ models: [MODEL, MODEL] })],
    ['a secret that is not there', provider({ apiKey: 'env:NOT_SET' })],
    ['a price beyond JSON numbers', price({ input: 1 / 3 })],
  ])('%s', (_name, document) => {
    expect(isValid(document)).toBe(true);
    expect(parserAccepts(document)).toBe(false);
  });
});
