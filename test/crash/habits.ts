import { setTimeout as sleep } from 'node:timers/promises';

import type { ChatResult } from './chat.ts';
import type { Leave } from './http-client.ts';
import { PROMPTS } from './models.ts';
import type { Ask, Payer } from './payer.ts';
import type { Random } from './random.ts';

/** What a payer is about to do with its tokens; a step is one request or a few. */
export type Habit = (shop: Shop) => () => Promise<void>;

/** Where one payer acts. */
export interface Shop {
  readonly payer: Payer;
  readonly random: Random;
  /** What it asks for; some more often than others. */
  readonly models: readonly string[];
  /** A fresh token of so many sat, already on the payer's bill; `amounts` are those of its coins. */
  buy(sat: number, amounts?: readonly number[]): Promise<string>;
  /** Tokens that share coins: `{a, b}` and `{a, c}`. */
  buyOverlapping(sat: number): Promise<readonly [string, string]>;
}

export const HABITS: Readonly<Record<string, Habit>> = {
  fresh,
  staticKey: (shop) => onOneToken(shop, {}),
  keeper: (shop) => onOneToken(shop, { change: 'keep' }),
  chainOfHeaders: (shop) => chain(shop, { scheme: 'x-cashu' }),
  chainOfKeys: (shop) => chain(shop, { scheme: 'bearer', change: 'token' }),
  chainOfCashu: (shop) => chain(shop, { scheme: 'cashu' }),
  parallel,
  overlapping,
  refunder,
};

/** A new token for every request. */
function fresh(shop: Shop): () => Promise<void> {
  return async () => {
    const token = await shop.buy(shop.random.int(8, 400));
    await chatOnce(shop, { token });
  };
}

/** One token for everything, bought again when it is used up. */
function onOneToken(shop: Shop, how: Partial<Ask>): () => Promise<void> {
  let token: string | undefined;
  return async () => {
    token ??= await shop.buy(shop.random.int(60, 900));
    const result = await chatOnce(shop, { ...how, token });
    if (result.status === 402) token = undefined;
    else await pauseAfter(result);
  };
}

/** The change of an answer pays the next request; where none came, it is fetched with the token that paid. */
function chain(shop: Shop, how: Partial<Ask>): () => Promise<void> {
  let token: string | undefined;
  return async () => {
    token ??= await shop.buy(shop.random.int(100, 900));
    const { scheme = 'bearer' } = how;
    const result = await chatOnce(shop, { ...how, token });
    if (result.change !== undefined) {
      token = result.change;
      return;
    }
    if (result.end === 'refused') {
      await pauseAfter(result);
      return;
    }
    const refund = await shop.payer.refund(token, scheme);
    if (refund.token !== undefined) token = refund.token;
    else if (result.status === 402 || refund.status === 410 || refund.status === 400)
      token = undefined;
    else await sleep(30);
  };
}

function parallel(shop: Shop): () => Promise<void> {
  let token: string | undefined;
  return async () => {
    token ??= await shop.buy(shop.random.int(200, 900));
    const paid = token;
    const asks = Array.from({ length: shop.random.int(2, 6) }, () => shop.random.fork());
    const results = await Promise.all(
      asks.map((random) => chatOnce({ ...shop, random }, { token: paid })),
    );
    if (results.some(({ status }) => status === 402)) token = undefined;
    else await Promise.all(results.map(pauseAfter));
  };
}

/** Two tokens that share a coin, at the same time or one after the other: only one of them can be money. */
function overlapping(shop: Shop): () => Promise<void> {
  return async () => {
    const [first, second] = await shop.buyOverlapping(shop.random.int(40, 200));
    const one = chatOnce(shop, { token: first });
    if (shop.random.chance(0.5)) await one;
    const two = chatOnce(shop, { token: second });
    await Promise.all([one, two]);
    if (shop.random.chance(0.5)) await chatOnce(shop, { token: first });
  };
}

/** Asks for its change back again and again, also while requests run. */
function refunder(shop: Shop): () => Promise<void> {
  return async () => {
    const token = await shop.buy(shop.random.int(60, 600));
    const running = chatOnce(shop, { token, change: shop.random.pick(['keep', undefined]) });
    await shop.payer.refund(token);
    await running;
    for (let again = 0; again < shop.random.int(1, 3); again += 1) await shop.payer.refund(token);
    if (shop.random.chance(0.5)) await chatOnce(shop, { token });
  };
}

async function chatOnce(
  { payer, random, models }: Shop,
  how: Partial<Ask> & { readonly token: string },
): Promise<ChatResult> {
  const ask = {
    model: random.pick(models),
    prompt: random.pick(PROMPTS),
    stream: random.chance(0.7),
    leave: random.chance(0.2) ? leaving(random) : undefined,
  };
  return payer.chat({ ...ask, ...how });
}

function leaving(random: Random): Leave {
  return random.chance(0.5) ? { afterMs: random.int(1, 400) } : { afterChunks: random.int(1, 20) };
}

/** Who is told to come later does not come at once. */
async function pauseAfter({ end, status }: ChatResult): Promise<void> {
  if (end === 'refused' || status >= 429) await sleep(60);
}
