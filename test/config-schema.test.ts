import { readFileSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';

import { providersFile } from '../src/config/providers-file.ts';
import type { Fault } from '../src/lib/parse.ts';
import { rootField } from '../src/lib/parse.ts';

const schema: object = JSON.parse(
  readFileSync(new URL('../providers.schema.json', import.meta.url), 'utf8'),
) as object;
const isValid = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
  schema,
);

const PRICE = { unit: 'usd', input: 0.1, output: 0.2 };
const MODEL = { id: 'm', price: PRICE };
const PROVIDER = { id: 'p', kind: 'openai', baseUrl: 'http://h/v1', models: [MODEL] };
const FILE = { mints: ['https://mint.example'], providers: [PROVIDER] };

const file = (fields: object): unknown => ({ ...FILE, ...fields });
const provider = (fields: object): unknown => file({ providers: [{ ...PROVIDER, ...fields }] });
const model = (fields: object): unknown => provider({ models: [{ ...MODEL, ...fields }] });
const price = (fields: object): unknown => model({ price: { ...PRICE, ...fields } });

const KEY = '4ad6fa2d16e2a9b576c863b4cf7404a70d4dc320c0c447d10ad6ff58993eacc8';
const RELAY = 'wss://relay.example';
const NODE = { url: 'https://n.example', relays: [RELAY] };
const DISCOVERY = {
  relays: [RELAY],
  directories: ['https://d.example/v1/providers'],
  anchors: [{ npub: KEY, weight: 0.5, mayBlock: false }],
  caps: { unknownSat: 0, provenSat: 1, goodSat: 2, unknownTotalSat: 3 },
  pins: [{ npub: KEY, capSat: 5 }],
  allow: ['node.example'],
  deny: [KEY],
  markup: 1,
  resell: true,
  buy: 'request',
  allowPrivateAddresses: true,
  socksProxy: 'socks5://127.0.0.1:9050',
  publishReviews: true,
};
const bought = (fields: object): unknown =>
  file({ providers: [{ id: 'b', kind: 'routstr', baseUrl: 'https://b', models: '*', ...fields }] });
const discovery = (fields: object): unknown => file({ discovery: fields });

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
    ['a price below cost, said so', provider({ markup: 0.5, belowCost: true })],
    ['a node to buy from', bought({ npub: KEY, capSat: 100, buy: 'request', markup: 2 })],
    ['discovery alone', file({ providers: [], discovery: {} })],
    ['all of discovery', file({ node: NODE, discovery: DISCOVERY })],
    ['routing', file({ routing: { preset: 'speed', hedge: true, maxAttempts: 2 } })],
    ['names of nodes', discovery({ allow: [KEY.toUpperCase(), 'A.example', '10.0.0.1', '[::1]'] })],
    ['weights', file({ routing: { weights: { price: 1, latency: 0.5 } } })],
    ['a node that announces', file({ node: { ...NODE, key: 'env:KEY', d: 'main' } })],
    ['an onion service', file({ node: { onion: 'http://a.onion', relays: [RELAY] } })],
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
    ['a price below cost by accident', provider({ markup: 0.9 })],
    ['discovery below cost by accident', discovery({ markup: 0.9 })],
    ['a key for a node that is paid with ecash', bought({ apiKey: 'env:KEY' })],
    ['a price for a node that has its own', bought({ price: PRICE })],
    ['a cap for an upstream that is not bought from', provider({ capSat: 5 })],
    ['a key that is none', bought({ npub: 'npub1abc' })],
    ['an unknown way to buy', bought({ buy: 'credit' })],
    ['an unknown discovery key', discovery({ relay: RELAY })],
    ['a relay for discovery that is no socket', discovery({ relays: ['https://r.example'] })],
    ['an anchor without a key', discovery({ anchors: [{ weight: 1 }] })],
    ['an anchor without weight', discovery({ anchors: [{ npub: KEY, weight: 0 }] })],
    ['a negative cap', discovery({ caps: { unknownSat: -1 } })],
    ['a pin without a cap', discovery({ pins: [{ npub: KEY }] })],
    ['an onion service that is none', file({ node: { onion: 'http://node.example' } })],
    ['a denied URL', discovery({ deny: ['https://node.example'] })],
    ['a denied host with a port', discovery({ deny: ['node.example:8402'] })],
    ['allowed words', discovery({ allow: ['my friends'] })],
    ['a proxy over HTTP', discovery({ socksProxy: 'http://127.0.0.1:8080' })],
    ['an unknown preset', file({ routing: { preset: 'quality' } })],
    ['nine attempts', file({ routing: { maxAttempts: 9 } })],
    ['a weight above 1', file({ routing: { weights: { price: 2 } } })],
    ['a literal node key', file({ node: { key: 'nsec1abc' } })],
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
    ['two spellings of a relay', discovery({ relays: [RELAY, `${RELAY}/`] })],
    [
      'two caps for one key',
      discovery({
        pins: [
          { npub: KEY, capSat: 1 },
          { npub: KEY, capSat: 9 },
        ],
      }),
    ],
    ['an anchor twice', discovery({ anchors: [{ npub: KEY }, { npub: KEY, weight: 0.5 }] })],
    ['a price beyond JSON numbers', price({ input: 1 / 3 })],
  ])('%s', (_name, document) => {
    expect(isValid(document)).toBe(true);
    expect(parserAccepts(document)).toBe(false);
  });
});
