import { inspect } from 'node:util';

import { getDecodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { encodeToken, parseToken, parseTokenFresh } from '../../src/wallet/token.ts';
import { createIssuer, mintsOf } from './issuer.ts';
import type { IssuedCoin } from './issuer.ts';
import { spellA, spellB } from './spelling.ts';
import type { Spelled } from './spelling.ts';

const crypto = loadCrypto();
const MINT = 'https://mint.example';
const issuer = createIssuer(crypto, { ppk: 100 });
const mints = mintsOf({ [MINT]: [issuer.keyset] });
const coins = [1n, 2n, 8n].map((amount) => issuer.coin(amount));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const parse = (text: string) => parseToken(text, mints, crypto);
const first = coins[0] as IssuedCoin;

test('a cashuB token is read with its value, fee and account', () => {
  const token = parse(spellB({ mint: MINT, coins }));

  expect(token).toMatchObject({ unit: 'sat', amount: 11n, fee: 1n, mint: { url: MINT } });
  const told = token.proofs.map(({ amount, secret, C, keyset }) => [
    amount,
    secret,
    hex(C),
    keyset,
  ]);
  expect(told).toEqual(
    coins.map(({ amount, secret, C, keyset }) => [amount, secret, hex(C), keyset]),
  );
  expect(Buffer.from(token.proofs[0]?.y ?? [])).toEqual(
    Buffer.from(crypto.hashToCurve(Buffer.from(first.secret))),
  );
});

test('200 spellings of one token are one account', () => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [0, 2, 1],
    [2, 0, 1],
  ];
  const spellings = orders.flatMap((order) =>
    [true, false].flatMap((dleq) =>
      [undefined, 'for you'].flatMap((memo) => {
        const about = { mint: MINT, coins: order.map((i) => coins[i] ?? first), dleq, memo };
        return spelledInTenWays(about);
      }),
    ),
  );

  const ids = new Set(spellings.map((text) => parse(text).accountId));

  expect(new Set(spellings).size).toBe(200);
  expect(ids.size).toBe(1);
});

test('a coin with another C, amount or secret is another account', () => {
  const [, ...rest] = coins;
  const others = [
    [...rest, { ...first, C: issuer.coin(1n).C, dleq: undefined }],
    [...rest, { ...first, amount: 4n, dleq: undefined }],
    [...rest, issuer.coin(1n)],
    rest,
  ];

  const ids = others.map((some) => parse(spellB({ mint: MINT, coins: some })).accountId);

  expect(new Set([...ids, parse(spellB({ mint: MINT, coins })).accountId]).size).toBe(5);
});

test('a token that is no token, or cut off anywhere, is invalid', () => {
  const whole = spellB({ mint: MINT, coins });
  const cut = [8, 20, 100, whole.length - 5].map((length) => whole.slice(0, length));
  const garbage = [
    '',
    'sk-1234',
    'cashu',
    'cashuB',
    'cashuC' + whole.slice(6),
    'cashuB!!!',
    whole.replace('cashuB', 'cashub'),
    `${whole}AAAA`,
  ];
  const wrongJson = ['{}', '[]', 'null', '{"token":{}}', '{"token":[]}', '{"token":[{"mint":1}]}'];
  const asA = wrongJson.map((json) => `cashuA${Buffer.from(json).toString('base64url')}`);

  for (const text of [...cut, ...garbage, ...asA]) {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'cashu_token_invalid' }));
  }
});

test('no error repeats any part of a secret', () => {
  const cutA = spellA({ mint: MINT, coins }).slice(0, -40);
  const texts = [
    cutA,
    `cashuA${Buffer.from(`{"token":["${first.secret}`).toString('base64url')}`,
    spellB({ mint: MINT, coins }).slice(0, -40),
    spellA({ mint: MINT, coins: [{ ...first, amount: 3n }] }),
    spellB({ mint: MINT, coins: [first, first] }),
  ];

  const told = texts.map((text) => {
    try {
      return parse(text).accountId;
    } catch (error) {
      return inspect(error, { depth: 5 });
    }
  });

  expect(told.every((text) => text.includes('cashu_token_'))).toBe(true);
  expect(told.join()).not.toContain(first.secret.slice(0, 8));
});

test.each([
  ['foreign mint', { mint: 'https://other.example', coins }, 'cashu_mint_not_accepted'],
  ['URL that is none', { mint: 'mint', coins }, 'cashu_mint_not_accepted'],
  ['foreign unit', { mint: MINT, coins, unit: 'usd' }, 'cashu_unit_not_accepted'],
  ['same coin twice', { mint: MINT, coins: [first, first] }, 'cashu_token_invalid'],
  ['no coins', { mint: MINT, coins: [] }, 'cashu_token_zero_value'],
  ['value of its fee', { mint: MINT, coins: [first] }, 'cashu_token_zero_value'],
  [
    'amount without a key',
    { mint: MINT, coins: [{ ...first, amount: 3n }] },
    'cashu_token_invalid',
  ],
  [
    'amount beyond all money',
    { mint: MINT, coins: [{ ...first, amount: 2n ** 63n }] },
    'cashu_token_invalid',
  ],
  [
    'zero amount',
    { mint: MINT, coins: [...coins, { ...first, amount: 0n }] },
    'cashu_token_invalid',
  ],
  [
    'C that is no point',
    {
      mint: MINT,
      coins: [...coins, { ...issuer.coin(2n), C: new Uint8Array(33).fill(5), dleq: undefined }],
    },
    'cashu_token_invalid',
  ],
  [
    'DLEQ of another coin',
    { mint: MINT, coins: [...coins, { ...issuer.coin(2n), dleq: first.dleq }] },
    'cashu_token_invalid',
  ],
  [
    'short DLEQ',
    {
      mint: MINT,
      coins: [...coins, { ...issuer.coin(2n), dleq: { ...first.dleq, r: new Uint8Array(3) } }],
    },
    'cashu_token_invalid',
  ],
  [
    'empty secret',
    { mint: MINT, coins: [...coins, { ...first, secret: '' }] },
    'cashu_token_invalid',
  ],
  [
    'secret of 1,025 characters',
    { mint: MINT, coins: [...coins, { ...first, secret: 'x'.repeat(1025) }] },
    'cashu_token_invalid',
  ],
  [
    'P2PK lock',
    { mint: MINT, coins: [...coins, issuer.coin(2n, '["P2PK",{"nonce":"00","data":"02aa"}]')] },
    'cashu_token_invalid',
  ],
  [
    'odd lock',
    { mint: MINT, coins: [...coins, issuer.coin(2n, '\uFEFF ["p2pk",{}]')] },
    'cashu_token_invalid',
  ],
  [
    '65 coins',
    { mint: MINT, coins: Array.from({ length: 65 }, () => first) },
    'cashu_token_too_large',
  ],
  [
    '65 coins in groups',
    { mint: MINT, coins: Array.from({ length: 65 }, () => first), groups: 5 },
    'cashu_token_too_large',
  ],
] as const)('a token with %s is refused as it should be', (_, about, code) => {
  const refusal = expect.objectContaining({ code });

  expect(() => parse(spellB(about))).toThrow(refusal);
  expect(() => parse(spellA(about))).toThrow(refusal);
});

test('a header longer than 48 kB is refused before it is decoded', () => {
  expect(() => parse(`cashuB${'!'.repeat(49_152)}`)).toThrow(
    expect.objectContaining({ code: 'cashu_token_too_large' }),
  );
});

test('callers may allow more coins', () => {
  const many = Array.from({ length: 70 }, () => issuer.coin(4n));
  const text = spellB({ mint: MINT, coins: many, dleq: false });

  expect(parseToken(text, mints, crypto, { maxChars: 500_000, maxProofs: 100 }).amount).toBe(280n);
});

test('a secret that is no valid text is refused in both spellings', () => {
  const json = JSON.stringify({
    token: [
      { mint: MINT, proofs: [{ id: issuer.id, amount: 8, secret: '\ud800', C: '02'.repeat(33) }] },
    ],
  });
  const inA = `cashuA${Buffer.from(json).toString('base64url')}`;
  const bytes = Buffer.from(
    spellB({ mint: MINT, coins: [{ ...first, secret: 'MARK' }] }).slice(6),
    'base64url',
  );
  bytes.set([0xed, 0xa0, 0x80, 0x80], bytes.indexOf('MARK'));
  const inB = `cashuB${bytes.toString('base64url')}`;

  expect(json).toContain('\\ud800');
  for (const text of [inA, inB]) {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'cashu_token_invalid' }));
  }
});

test('a keyset of another unit is refused, whatever the token calls it', () => {
  const usd = createIssuer(crypto, { seed: 'usd', unit: 'usd' });
  const both = mintsOf({ [MINT]: [issuer.keyset, usd.keyset] });
  const text = spellB({ mint: MINT, coins: [usd.coin(8n)], unit: 'sat' });

  expect(() => parseToken(text, both, crypto)).toThrow(
    expect.objectContaining({ code: 'cashu_unit_not_accepted' }),
  );
});

test('a keyset of another mint does not count', () => {
  const other = createIssuer(crypto, { seed: 'other' });
  const two = mintsOf({ [MINT]: [issuer.keyset], 'https://two.example': [other.keyset] });

  expect(() => parseToken(spellB({ mint: MINT, coins: [other.coin(8n)] }), two, crypto)).toThrow(
    expect.objectContaining({ code: 'cashu_token_invalid', mint: two.all[0] }),
  );
});

test('coins of an expired keyset are refused', () => {
  const old = createIssuer(crypto, { seed: 'old', expiryS: 1_899_999_999 });

  expect(() =>
    parseToken(
      spellB({ mint: MINT, coins: [old.coin(8n)] }),
      mintsOf({ [MINT]: [old.keyset] }),
      crypto,
    ),
  ).toThrow(expect.objectContaining({ code: 'cashu_token_invalid' }));
});

test('coins of an inactive keyset are welcome, and a v1 id is as good', () => {
  const old = createIssuer(crypto, { seed: 'v1', version: 0, active: false });
  const token = parseToken(
    spellA({ mint: MINT, coins: [old.coin(8n)] }),
    mintsOf({ [MINT]: [old.keyset] }),
    crypto,
  );

  expect(token).toMatchObject({ amount: 8n, fee: 0n });
});

test('an ambiguous short keyset id is refused, the full one is not', () => {
  const twin = { ...issuer.keyset, id: issuer.id.slice(0, 16) + '0'.repeat(50) };
  const twins = mintsOf({ [MINT]: [issuer.keyset, twin] });

  expect(() => parseToken(spellB({ mint: MINT, coins, shortId: true }), twins, crypto)).toThrow(
    expect.objectContaining({ code: 'cashu_token_invalid' }),
  );
  expect(parseToken(spellB({ mint: MINT, coins }), twins, crypto).amount).toBe(11n);
});

test('a cashuA token of two mints is refused', () => {
  const entry = { mint: MINT, proofs: [] };
  const json = JSON.stringify({ token: [entry, entry] });

  expect(() => parse(`cashuA${Buffer.from(json).toString('base64url')}`)).toThrow(
    expect.objectContaining({ code: 'cashu_token_invalid' }),
  );
});

test('an unknown keyset is asked for once, and then the token is read', async () => {
  const fresh = createIssuer(crypto, { seed: 'rotated' });
  const known = [issuer.keyset];
  let refreshes = 0;
  const rotating = {
    ...mintsOf({ [MINT]: known }),
    refresh() {
      refreshes += 1;
      known.push(fresh.keyset);
      return Promise.resolve();
    },
  };

  const token = await parseTokenFresh(
    spellB({ mint: MINT, coins: [fresh.coin(8n)] }),
    rotating,
    crypto,
  );

  expect(token.amount).toBe(8n);
  expect(refreshes).toBe(1);
});

test('a token that is wrong for another reason causes no question to the mint', async () => {
  const asking = { ...mints, refresh: () => Promise.reject(new Error('asked')) };

  await expect(
    parseTokenFresh(spellB({ mint: MINT, coins: [first, first] }), asking, crypto),
  ).rejects.toMatchObject({ code: 'cashu_token_invalid' });
});

test('what we encode is read by cashu-ts and by us, without DLEQ', () => {
  const text = encodeToken({ mintUrl: MINT, unit: 'sat', proofs: coins });

  const decoded = getDecodedToken(text, [issuer.id]);

  expect(decoded).toMatchObject({ mint: MINT, unit: 'sat' });
  expect(
    decoded.proofs.map(({ id, amount, secret, C }) => [id, amount.toBigInt(), secret, C]),
  ).toEqual(
    coins.map(({ keyset, amount, secret, C }) => [
      keyset,
      amount,
      secret,
      Buffer.from(C).toString('hex'),
    ]),
  );
  expect(decoded.proofs.every(({ dleq }) => dleq === undefined)).toBe(true);
  expect(parse(text).accountId).toBe(parse(spellA({ mint: MINT, coins })).accountId);
});

test('13 coins of change fit into a header of 2 kB', () => {
  const change = Array.from({ length: 13 }, (_, i) => issuer.coin(2n ** BigInt(i % 12)));

  expect(encodeToken({ mintUrl: MINT, unit: 'sat', proofs: change }).length).toBeLessThan(2048);
});

function spelledInTenWays(about: Spelled): string[] {
  return [
    spellA(about),
    spellA({ ...about, upper: true }),
    spellA({ ...about, padded: true, mint: `${MINT}/` }),
    spellA({ ...about, mint: 'HTTPS://Mint.Example:443/' }),
    ` cashu:${spellA(about)}\n`,
    spellB(about),
    spellB({ ...about, shortId: true }),
    spellB({ ...about, groups: 3 }),
    spellB({ ...about, mint: `${MINT}//` }),
    `web+cashu://${spellB({ ...about, shortId: true })}==`,
  ];
}

test('whether a token of a mint that has not told its keysets is good, nobody knows yet', async () => {
  const away = mintsOf({ [MINT]: [] });

  await expect(parseTokenFresh(spellB({ mint: MINT, coins }), away, crypto)).rejects.toMatchObject({
    code: 'cashu_mint_unreachable',
    status: 503,
  });
});
