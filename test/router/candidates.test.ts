import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseChatRequest } from '../../src/openai/chat-request.ts';
import { candidatesAmong, candidatesOf, MAX_CANDIDATES } from '../../src/router/candidates.ts';
import type { Offer } from '../../src/router/offer.ts';
import { NO_WISHES, readWishes } from '../../src/router/preferences.ts';
import type { Wishes } from '../../src/router/preferences.ts';
import type { Routing } from '../../src/router/routing.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import { codeOf } from '../support/refusals.ts';
import { firstOfEquals } from './fakes.ts';
import { closedBreaker } from './market.ts';
import { boughtUpstream, offer, satPrice, served, wanted } from './offers.ts';

/** 1 USD = 1,000 sat. */
const USD_PMSAT = 1_000_000n * 1_000_000_000_000n;
const MISSING = new UpstreamFailure('status', 'no model', { status: 404 });

const names = (offers: readonly Offer[]) => offers.map(({ provider }) => provider);
const wishes = (fields: object, headers: Record<string, string> = {}): Wishes => {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...fields };
  return readWishes(parseChatRequest(Buffer.from(JSON.stringify(body))), headers);
};
const prefers = (provider: object) => wanted({ wishes: wishes({ provider }) });
const pinned = (headers: Record<string, string>) => wanted({ wishes: wishes({}, headers) });

function chosen(
  offers: readonly [Offer, ...Offer[]],
  request = wanted(),
  routing: Routing = firstOfEquals(),
): readonly string[] {
  return names(candidatesOf(served(...offers), request, routing));
}

describe('what is no candidate', () => {
  test('what is blocked', () => {
    expect(chosen([offer('a', { trust: 0 }), offer('b')])).toEqual(['b']);
    expect(chosen([offer('a', { trust: 0 })])).toEqual([]);
  });

  test('what its breaker lets rest', () => {
    const breaker = { ...closedBreaker, isResting: true };

    expect(chosen([offer('a', { breaker }), offer('b')])).toEqual(['b']);
    expect(chosen([offer('a', { breaker })])).toEqual([]);
  });

  test('what is cooled', () => {
    const routing = firstOfEquals();
    const at = { provider: 'a', model: 'm' };
    routing.cooldowns.failed(at, { failure: MISSING, isBought: true });

    expect(chosen([offer('a'), offer('b')], wanted(), routing)).toEqual(['b']);
    expect(chosen([offer('a')], wanted(), routing)).toEqual([]);
    expect(chosen([offer('a', { upstreamModel: 'other' })], wanted(), routing)).toEqual(['a']);
  });

  test('what would fetch no image, where one has to be fetched', () => {
    const offers = [offer('a'), offer('b', { allowRemoteImages: true })] as const;

    expect(chosen([...offers], wanted({ remoteImages: true }))).toEqual(['b']);
  });

  test('what has too small a context, unless all have', () => {
    const offers = [offer('a', { contextLength: 1_499 }), offer('b', { contextLength: 1_500 })];
    const [a, b] = offers as [Offer, Offer];

    expect(chosen([a, b])).toEqual(['b']);
    expect(chosen([a, b], wanted({ maxOutput: 10 }))).toEqual(['a', 'b']);
    expect(chosen([a, b], wanted({ inputTokens: 2_000 }))).toEqual(['a', 'b']);
  });

  test('a node, for a request that has passed two routers', () => {
    const node = offer('a', { upstream: boughtUpstream('a', () => 10n ** 9n) });

    expect(chosen([node, offer('b')], wanted({ hops: 1 }))).toEqual(['a', 'b']);
    expect(chosen([node, offer('b')], wanted({ hops: 2 }))).toEqual(['b']);
    expect(chosen([node, offer('b')], wanted({ hops: Infinity }))).toEqual(['b']);
  });
});

describe('what can be bought', () => {
  /** 4,000 tokens of prompt and 500 of answer, at 10 and 20 msat. */
  const NEEDED = 50_000n;
  const node = (affordable: bigint, more: Partial<Offer> = {}) =>
    offer('a', { upstream: boughtUpstream('a', () => affordable), ...more });

  test('is what our funds and the cap there cover, to the msat', () => {
    expect(chosen([node(NEEDED)])).toEqual(['a']);
    expect(chosen([node(NEEDED - 1n)])).toEqual([]);
    expect(chosen([node(0n, { cost: satPrice('a', 0) })])).toEqual([]);
  });

  test('needs no more than 1,024 tokens of answer for each choice', () => {
    const long = wanted({ maxOutput: undefined });
    const modest = 40_000n + 1_024n * 20n;

    expect(chosen([node(modest)], long)).toEqual(['a']);
    expect(chosen([node(modest - 1n)], long)).toEqual([]);
    expect(chosen([node(modest)], wanted({ maxOutput: 1_000_000 }))).toEqual(['a']);
    expect(chosen([node(modest)], wanted({ maxOutput: undefined, choices: 2 }))).toEqual([]);
    expect(chosen([node(modest - 20n, { maxOutput: 1_023 })], long)).toEqual(['a']);
  });

  test('is reckoned at what the node asks, not at what we charge', () => {
    expect(
      chosen([node(NEEDED, { snapshot: satPrice('a', 90_000), cost: satPrice('a', 10_000) })]),
    ).toEqual(['a']);
  });
});

describe('the order', () => {
  const dear = offer('dear', { input: 30_000 });
  const cheap = offer('cheap', { input: 10_000 });
  const middle = offer('middle', { input: 20_000 });

  test('is that of the price for this request, else being equal', () => {
    const cheapInput = offer('cheap-input', { snapshot: satPrice('cheap-input', 10_000, 50_000) });
    const cheapOutput = offer('cheap-output', {
      snapshot: satPrice('cheap-output', 30_000, 20_000),
    });
    const offers = [cheapInput, cheapOutput] as const;

    expect(chosen([dear, cheap, middle])).toEqual(['cheap', 'middle', 'dear']);
    expect(chosen([...offers], wanted({ inputTokens: 10_000, maxOutput: 10 }))).toEqual([
      'cheap-input',
      'cheap-output',
    ]);
    expect(chosen([...offers], wanted({ inputTokens: 10, maxOutput: 10_000 }))).toEqual([
      'cheap-output',
      'cheap-input',
    ]);
  });

  test('of equals is that of the catalog, where chance says so', () => {
    expect(chosen([offer('b'), offer('a'), offer('c')])).toEqual(['b', 'a', 'c']);
  });

  test('of nodes that are nearly as good is open, so that routers do not herd; the others keep theirs', () => {
    const node = (name: string, input: number) =>
      offer(name, { input, upstream: boughtUpstream(name, () => 10n ** 9n) });
    const nodes = [node('a', 10_000), node('b', 10_500), node('c', 30_000)] as const;
    const [low, high] = [0, 0.99].map((value) =>
      chosen([...nodes], wanted(), firstOfEquals({ random: () => value })),
    );

    expect(low).toEqual(['a', 'b', 'c']);
    expect(high).toEqual(['b', 'a', 'c']);
  });

  test('of own upstreams is never open to a dearer one', () => {
    const last = firstOfEquals({ random: () => 0.99 });
    const offers = [offer('a', { input: 10_000 }), offer('b', { input: 10_001 })] as const;

    expect(chosen([...offers], wanted(), last)).toEqual(['a', 'b']);
    expect(chosen([offer('a'), offer('b')], wanted(), last)).toEqual(['b', 'a']);
  });

  test('of two near equals prefers the one with less to do', () => {
    const routing = firstOfEquals();
    routing.tracks.started('a', 'm');

    expect(chosen([offer('a'), offer('b')], wanted(), routing)).toEqual(['b', 'a']);
  });

  test('puts who fails, who is slow and who is not trusted behind', () => {
    const routing = firstOfEquals();
    for (let count = 0; count < 5; count += 1) {
      routing.tracks.failed('fails', 'm');
      routing.tracks.answered('slow', 'm', { firstByteMs: 20_000, tokens: 0, tokensMs: 0 });
    }
    const offers = ['fails', 'slow', 'good'].map((name) => offer(name));
    const [fails, slow, good] = offers as [Offer, Offer, Offer];

    expect(chosen([fails, good], wanted(), routing)).toEqual(['good', 'fails']);
    expect(chosen([slow, good], wanted(), routing)).toEqual(['good', 'slow']);
    expect(chosen([offer('new', { trust: 0.6 }), good], wanted(), routing)).toEqual([
      'good',
      'new',
    ]);
  });

  test('follows what the operator weighs', () => {
    const offers = [
      offer('cheap', { input: 10_000, trust: 0.6 }),
      offer('trusted', { input: 20_000 }),
    ] as const;
    const order = (preset: 'price' | 'trust') =>
      chosen([...offers], wanted(), firstOfEquals({ preset }));

    expect(order('price')).toEqual(['cheap', 'trusted']);
    expect(order('trust')).toEqual(['trusted', 'cheap']);
    const weights = { price: 0, latency: 0, reliability: 0, trust: 1 };
    expect(chosen([...offers], wanted(), firstOfEquals({ weights }))).toEqual(['trusted', 'cheap']);
  });

  test('lets nobody be first for ever by being free', () => {
    const routing = firstOfEquals();
    for (let count = 0; count < 100; count += 1) routing.tracks.failed('free', 'm');
    for (let count = 0; count < 100; count += 1) routing.tracks.answered('cheap', 'm', undefined);

    expect(chosen([offer('free', { input: 0 }), cheap], wanted(), routing)).toEqual([
      'cheap',
      'free',
    ]);
  });

  test('tries no more than two strangers before those who are trusted', () => {
    const strangers = ['s', 't', 'u', 'v'].map((name, index) =>
      offer(name, { input: 10 + index, trust: 0.3 }),
    );

    expect(chosen([dear, ...strangers, middle])).toEqual(['s', 't', 'middle', 'dear', 'u', 'v']);
  });

  test('cannot be crowded by strangers, however many and cheap', () => {
    const strangers = Array.from({ length: 1_000 }, (_, index) =>
      offer(`s${index}`, { input: index, trust: 0.3 }),
    );
    const found = chosen([offer('known', { input: 50_000 }), ...strangers]);

    expect(found).toHaveLength(MAX_CANDIDATES);
    expect(found.slice(0, 3)).toContain('known');
  });
});

describe('what the request says about who may answer', () => {
  const offers = [
    offer('a', { input: 10_000 }),
    offer('b', { input: 20_000 }),
    offer('c', { input: 30_000 }),
  ] as const;
  const among = (request = wanted(), routing = firstOfEquals()) =>
    chosen([...offers], request, routing);

  test('`only` and `ignore` leave out', () => {
    expect(among(prefers({ only: ['c', 'b', 'x'] }))).toEqual(['b', 'c']);
    expect(among(prefers({ ignore: ['a'] }))).toEqual(['b', 'c']);
    expect(among(prefers({ only: ['a', 'b'], ignore: ['a'] }))).toEqual(['b']);
  });

  test('`order` comes first, in its order; without fallbacks nothing else comes', () => {
    expect(among(prefers({ order: ['c', 'x', 'a'] }))).toEqual(['c', 'a', 'b']);
    expect(among(prefers({ order: ['c', 'a'], allow_fallbacks: false }))).toEqual(['c', 'a']);
    expect(among(prefers({ allow_fallbacks: false }))).toEqual(['a']);
    expect(among(prefers({ order: ['x'], allow_fallbacks: false }))).toEqual([]);
    expect(chosen([offer('a')], prefers({ order: ['x'], allow_fallbacks: false }))).toEqual([]);
    expect(chosen([offer('a')], prefers({ order: ['x'] }))).toEqual(['a']);
  });

  test('`sort` beats our own score; what is unknown comes last', () => {
    const routing = firstOfEquals();
    routing.tracks.answered('b', 'm', { firstByteMs: 900, tokens: 100, tokensMs: 1_000 });
    routing.tracks.answered('c', 'm', { firstByteMs: 100, tokens: 100, tokensMs: 5_000 });

    expect(among(prefers({ sort: 'price' }), routing)).toEqual(['a', 'b', 'c']);
    expect(among(prefers({ sort: 'latency' }), routing)).toEqual(['c', 'b', 'a']);
    expect(among(prefers({ sort: 'throughput' }), routing)).toEqual(['b', 'c', 'a']);
  });

  test('`max_price` leaves out what is dearer, whatever it is priced in', () => {
    const usdPmsat = () => USD_PMSAT;
    const limit = (max_price: object, usd = usdPmsat) =>
      among(prefers({ max_price }), firstOfEquals({ usdPmsat: usd }));

    expect(limit({ prompt: 20 })).toEqual(['a', 'b']);
    expect(limit({ prompt: '19.99' })).toEqual(['a']);
    expect(limit({ completion: 20 })).toEqual(['a']);
    expect(limit({ prompt: 100, completion: 40 })).toEqual(['a', 'b']);
    expect(limit({ request: 0, image: 0 })).toEqual(['a', 'b', 'c']);
    expect(limit({ prompt: 0 })).toEqual([]);
  });

  test('`max_price` admits nothing while no rate is known', () => {
    expect(among(prefers({ max_price: { prompt: 1_000 } }))).toEqual([]);
  });

  test('a price of 9 digits that was shown is a limit that admits it', () => {
    const price = 12_345.678_912_345;
    const one = offer('a', { snapshot: satPrice('a', price) });
    const routing = firstOfEquals({ usdPmsat: () => USD_PMSAT });
    const shown = Number((price / 1_000).toPrecision(9));

    expect(chosen([one], prefers({ max_price: { prompt: shown } }), routing)).toEqual(['a']);
    expect(chosen([one], prefers({ max_price: { prompt: shown * 0.999_999 } }), routing)).toEqual(
      [],
    );
  });

  test('`only` and `order` find whoever it is, behind any number of cheaper ones', () => {
    const many = Array.from({ length: 999 }, (_, index) => offer(`p${index}`, { input: index }));
    const last = offer('last', { input: 1_000_000 });

    expect(chosen([last, ...many], prefers({ only: ['last'] }))).toEqual(['last']);
    expect(chosen([last, ...many], prefers({ order: ['last'] }))[0]).toBe('last');
    expect(chosen([last, ...many], pinned({ 'x-nutroute-provider': 'last' }))).toEqual(['last']);
  });

  test('a pin admits one provider, and one of its models where it names it', () => {
    const path = (id: string) => ({
      'x-routstr-model-path': `url=https%3A%2F%2Fb.example&model-id=${id}`,
    });
    const b = offer('b.example', { upstreamModel: 'org/m' });

    expect(among(pinned({ 'x-routstr-provider': 'b' }))).toEqual(['b']);
    expect(among(pinned({ 'x-routstr-provider': 'x' }))).toEqual([]);
    expect(chosen([offer('a'), b], pinned(path('org%2Fm')))).toEqual(['b.example']);
    expect(chosen([offer('a'), b], pinned(path('m')))).toEqual(['b.example']);
    expect(chosen([offer('a'), b], pinned(path('n')))).toEqual([]);
  });
});

test('strangers that share a host take no more than two places of others', () => {
  const crowd = Array.from({ length: 40 }, (_, index) =>
    offer(`crowd.example${index % 2 === 0 ? '/' : '~'}${index}`, { trust: 0.2, input: 5_000 }),
  );
  const found = chosen([offer('other.example', { trust: 0.2, input: 6_000 }), ...crowd]);

  expect(found).toContain('other.example');
  expect(found).toHaveLength(3);
});

describe('candidates of several models', () => {
  const [a, b] = [served(offer('a'), offer('b')), served(offer('c'), offer('d'))];
  test('stand one model behind the other, no more than 8', () => {
    const many = served(
      offer('x'),
      ...Array.from({ length: 20 }, (_, index) => offer(`y${index}`)),
    );

    expect(names(candidatesAmong([a, b], wanted(), firstOfEquals()))).toEqual(['a', 'b', 'c', 'd']);
    expect(candidatesAmong([a, many], wanted(), firstOfEquals())).toHaveLength(MAX_CANDIDATES);
  });

  test('of which there are none: the error says whose wish it was', () => {
    const breaker = { ...closedBreaker, isResting: true };
    const resting = served(offer('a', { breaker }));
    const find = (request = wanted()) => candidatesAmong([resting], request, firstOfEquals());

    expect(codeOf(() => find())).toBe('503 no_upstream');
    expect(codeOf(() => find(prefers({ only: ['a'] })))).toBe('503 no_upstream');
    expect(codeOf(() => find(prefers({ only: ['b'] })))).toBe('404 no_matching_provider');
    expect(codeOf(() => find(prefers({ max_price: { prompt: 1 } })))).toBe(
      '404 no_matching_provider',
    );
    expect(codeOf(() => find(pinned({ 'x-nutroute-provider': 'b' })))).toBe(
      '404 no_matching_provider',
    );
  });
});

test('one offer is looked at without making anything anew', () => {
  const model = served(offer('a'));

  expect(candidatesOf(model, wanted(), firstOfEquals())).toBe(model.offers);
});

describe('whatever is on offer', () => {
  const anyOffer = fc.record({
    id: fc.nat(11),
    input: fc.constantFrom(0, 100, 10_000, 50_000, 90_000),
    trust: fc.constantFrom(0, 0.1, 0.5, 1),
    resting: fc.boolean(),
    cooled: fc.boolean(),
    affordable: fc.constantFrom(undefined, 0n, 10n, 50_000n, 10n ** 9n),
    failures: fc.nat(3),
  });
  const anyWishes = fc.record({
    order: fc.uniqueArray(fc.nat(12), { maxLength: 4 }),
    only: fc.option(fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 6 })),
    ignore: fc.uniqueArray(fc.nat(12), { maxLength: 4 }),
    prompt: fc.option(fc.constantFrom(0, 1, 10, 60)),
    sort: fc.option(fc.constantFrom('price', 'latency', 'throughput')),
    allowFallbacks: fc.boolean(),
  });
  const name = (id: number) => `p${id}`;

  test('nobody is chosen who is too dear, blocked, cooled, resting or over its cap, and `order` is kept', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyOffer, { selector: ({ id }) => id, minLength: 1, maxLength: 12 }),
        anyWishes,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (market, wish, chance) => {
          const routing = firstOfEquals({ random: () => chance, usdPmsat: () => USD_PMSAT });
          const offers = market.map(
            ({ id, input, trust, resting, cooled, affordable, failures }) => {
              const at = { provider: name(id), model: 'm' };
              if (cooled) routing.cooldowns.failed(at, { failure: MISSING, isBought: true });
              for (let count = 0; count < failures; count += 1)
                routing.tracks.failed(name(id), 'm');
              return offer(name(id), {
                input,
                trust,
                breaker: { ...closedBreaker, isResting: resting },
                ...(affordable !== undefined && {
                  upstream: boughtUpstream(name(id), () => affordable),
                }),
              });
            },
          );
          const [first, ...others] = offers;
          if (first === undefined) return;
          const provider = {
            ...(wish.order.length > 0 && { order: wish.order.map(name) }),
            ...(wish.only !== null && { only: wish.only.map(name) }),
            ...(wish.ignore.length > 0 && { ignore: wish.ignore.map(name) }),
            ...(wish.prompt !== null && { max_price: { prompt: wish.prompt } }),
            ...(wish.sort !== null && { sort: wish.sort }),
            allow_fallbacks: wish.allowFallbacks,
          };
          const byName = new Map(market.map((one) => [name(one.id), one]));
          const may = (id: string): boolean => {
            const one = byName.get(id);
            if (one === undefined || one.trust === 0 || one.resting || one.cooled) return false;
            if (wish.only?.map(name).includes(id) === false) return false;
            if (wish.ignore.map(name).includes(id)) return false;
            const order = wish.order.map(name);
            if (order.length > 0 && !wish.allowFallbacks && !order.includes(id)) return false;
            // So much is 1 USD for a million tokens.
            if (wish.prompt !== null && one.input > wish.prompt * 1_000) return false;
            // 4,000 tokens of prompt and 500 of answer at twice the price.
            const needed = (BigInt(one.input) * 5_000n) / 1_000n;
            return (
              one.affordable === undefined || (one.affordable > 0n && one.affordable >= needed)
            );
          };

          const found = chosen([first, ...others], prefers(provider), routing);

          expect(found.every(may)).toBe(true);
          expect(new Set(found).size).toBe(found.length);
          const expected = wish.order.map(name).filter(may);
          expect(found.slice(0, expected.length)).toEqual(expected.slice(0, found.length));
          if (!wish.allowFallbacks) return;
          const all = [...byName.keys()].filter(may);
          expect(found.length > 0).toBe(all.length > 0);
          // Strangers may be out of proportion.
          const missing = all.filter((id) => !found.includes(id));
          const isFull = found.length === MAX_CANDIDATES;
          expect(isFull || missing.every((id) => (byName.get(id)?.trust ?? 1) < 0.5)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('without wishes there is one object that says so', () => {
  expect(wishes({})).toBe(NO_WISHES);
});
