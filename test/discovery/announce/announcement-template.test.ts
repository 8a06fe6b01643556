import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { faultIn } from '../../../src/discovery/announce/announced-offer.ts';
import type { AnnouncedOffer } from '../../../src/discovery/announce/announced-offer.ts';
import { announcementOf } from '../../../src/discovery/announce/announcement-template.ts';
import { tellsMore } from '../../../src/discovery/announce/difference.ts';
import { replacementOf } from '../../../src/discovery/announce/retirement.ts';
import { reviewOf } from '../../../src/discovery/announce/review-template.ts';
import { createKeySigner } from '../../../src/nostr/signer.ts';
import { models, NOW_S, OFFER } from './offer.ts';
import { PARSERS } from './parsers.ts';

const signer = createKeySigner(new Uint8Array(32).fill(7));

function announce(offer: AnnouncedOffer = OFFER, maxModels = 30) {
  return announcementOf(offer, { pubkey: signer.pubkey, createdAt: NOW_S, maxModels });
}

test('the announcement is RIP-02 with an expiry, an index of models and their prices', () => {
  const ids = 'vendor/model-0\nvendor/model-1';
  expect(announce()).toEqual({
    kind: 38421,
    created_at: NOW_S,
    tags: [
      ['d', signer.pubkey.slice(0, 12)],
      ['u', 'https://node.example.com'],
      ['u', `http://${'a'.repeat(55)}d.onion`],
      ['mint', 'https://mint.example/Bitcoin'],
      ['version', 'nutroute/0.1.0'],
      ['expiration', String(NOW_S + 48 * 3600)],
      ['t', 'routstr'],
      ['t', 'model:vendor/model-0'],
      ['t', 'model:vendor/model-1'],
      ['price', 'vendor/model-0', '1200', '3600', 'msat/1k'],
      ['price', 'vendor/model-1', '1201', '3600', 'msat/1k'],
      [
        'models',
        'https://node.example.com/v1/models',
        `sha256:${createHash('sha256').update(ids).digest('hex')}`,
      ],
      ['alt', 'LLM inference provider, pay per request with Cashu'],
    ],
    content:
      '{"name":"Blue Node","about":"Fast models, paid in sats","prices":[' +
      '{"model":"vendor/model-0","input":"1200","output":"3600","unit":"msat/1k"},' +
      '{"model":"vendor/model-1","input":"1201","output":"3600","unit":"msat/1k"}]}',
  });
});

test.each(Object.entries(PARSERS))('%s reads the announcement', async (_name, parse) => {
  for (const offer of [OFFER, { ...OFFER, models: models(100), d: 'main' }]) {
    const node = parse(JSON.stringify(await signer.sign(announce(offer))), NOW_S);

    expect(node?.urls[0]?.replace(/\/$/, '')).toBe('https://node.example.com');
    expect(node?.mints).toEqual(['https://mint.example/Bitcoin']);
    expect(node?.name).toBe('Blue Node');
  }
});

test('nobody reads a node into a retired announcement, nor into an event of another project', async () => {
  const squatter = {
    kind: 38421,
    created_at: NOW_S,
    tags: [['d', 'lnproxy-v1']],
    content: '{"base_fee_msat":1000}',
  };
  for (const template of [replacementOf('main', NOW_S, NOW_S), squatter]) {
    const wire = JSON.stringify(await signer.sign(template));
    for (const parse of Object.values(PARSERS)) expect(parse(wire, NOW_S)).toBeUndefined();
  }
});

test('a node without a name and a word about itself is read by all, too', async () => {
  const event = await signer.sign(announce({ ...OFFER, name: '', about: '' }));
  for (const parse of Object.values(PARSERS)) {
    expect(parse(JSON.stringify(event), NOW_S)?.name).toBe('nutroute');
  }
});

test('at most 30 models stand in the event, and none whose name would not fit', () => {
  const odd = [
    { id: 'x'.repeat(201), inputMsat: 1n, outputMsat: 1n },
    { id: 'two\nlines', inputMsat: 1n, outputMsat: 1n },
  ];
  const { tags, content } = announce({ ...OFFER, models: [...odd, ...models(80)] });

  const named = tags.filter(([name]) => name === 't').map((tag) => tag[1]);
  expect(named).toHaveLength(31);
  expect(named[1]).toBe('model:vendor/model-0');
  expect(tags.filter(([name]) => name === 'price')).toHaveLength(30);
  expect(Buffer.byteLength(JSON.stringify({ tags, content }))).toBeLessThan(5_000);
});

test('the digest changes with the models, also with those that the event does not name', () => {
  const digest = (offer: AnnouncedOffer) =>
    announce(offer).tags.find(([name]) => name === 'models')?.[2];
  const many = { ...OFFER, models: models(40) };

  expect(digest({ ...many, models: many.models.toReversed() })).toBe(digest(many));
  expect(digest({ ...many, models: models(41) })).not.toBe(digest(many));
});

test.each<[string, Partial<AnnouncedOffer>, RegExp]>([
  ['no address', { urls: [] }, /no URL/],
  ['an address with a path', { urls: ['https://node.example/api'] }, /with a path/],
  ['no mint', { mints: [] }, /no mint/],
  ['nothing to sell', { models: [] }, /no model/],
])('an offer with %s is no use to anybody', (_what, part, why) => {
  expect(faultIn({ ...OFFER, ...part })).toMatch(why);
});

test('an offer with all of it is fit, a slash at the end of its address too', () => {
  expect(faultIn(OFFER)).toBeUndefined();
  expect(faultIn({ ...OFFER, urls: ['http://127.0.0.1:8402/'] })).toBeUndefined();
  expect(announce({ ...OFFER, urls: ['http://127.0.0.1:8402/'] }).tags[1]).toEqual([
    'u',
    'http://127.0.0.1:8402',
  ]);
});

test('a price that moves by up to 5 % is no news, everything else is', () => {
  const priced = (inputMsat: bigint): AnnouncedOffer => ({
    ...OFFER,
    models: [{ id: 'm', inputMsat, outputMsat: 1_000n }],
  });
  const told = announce(priced(1_000n));

  expect(tellsMore(told, announce(priced(1_050n)))).toBe(false);
  expect(tellsMore(told, { ...announce(priced(950n)), created_at: NOW_S + 9 })).toBe(false);
  expect(tellsMore(told, announce(priced(1_051n)))).toBe(true);
  expect(tellsMore(told, announce({ ...priced(1_000n), about: 'new' }))).toBe(true);
  expect(tellsMore(told, announce({ ...priced(1_000n), mints: ['https://other.example'] }))).toBe(
    true,
  );
  expect(tellsMore(told, announce({ ...OFFER, models: models(1) }))).toBe(true);
  expect(tellsMore(announce(priced(0n)), announce(priced(1n)))).toBe(true);
});

test('a review is in the form that Routstr reads', () => {
  const node = 'a'.repeat(64);

  expect(reviewOf(node, 'verified', NOW_S)).toEqual({
    kind: 38425,
    created_at: NOW_S,
    tags: [
      ['d', node],
      ['node', node],
      ['t', 'verified'],
    ],
    content: '',
  });
});
