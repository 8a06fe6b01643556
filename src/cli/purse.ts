import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { canonicalMintUrl } from '../wallet/mint-url.ts';
import { pickCovering, pickExact } from '../wallet/split.ts';
import { readTokenText } from '../wallet/token-text.ts';
import type { PurseCoin, PurseEntry, PurseFile, SentEntry, TokenEntry } from './purse-file.ts';
import type { PurseMint } from './purse-mint.ts';
import { amountsOf, resumeSwap, startSwap, sum, tokenOf } from './purse-swap.ts';
import type { SwapResult } from './purse-swap.ts';
import type { Refund } from './router-client.ts';

/** What became of a piece of value that was on its way. */
export interface Outcome {
  /** `came` into the purse; `nothing` was left of it; `lost`: somebody else had spent it; `open`: it is tried again later. */
  readonly kind: 'came' | 'nothing' | 'lost' | 'open';
  /** What came or was lost, sat. */
  readonly amount: bigint;
  /** Why it is open or lost, for people. */
  readonly message: string;
}

/** A payer's money. Whatever is under way is in its file first: a run that is killed anywhere is finished by `sweep`. */
export interface Purse {
  /** Spendable sat by mint. */
  balances(): ReadonlyMap<string, bigint>;
  total(): bigint;
  /** Swaps a token into coins that only this purse knows. Throws when it is no plain sat token of a usable mint URL. */
  receive(token: string): Promise<Outcome>;
  /**
   * Cuts a token of `amount` sat from the coins of `mint`, to be given to `router`; on disk when it resolves. Throws when
   * the coins do not suffice or the mint does not make them fit.
   */
  cut(amount: bigint, mint: string, router: string): Promise<SentEntry>;
  /** Ends what `cut` began: takes in the change of the answer, or asks the router and then the mint what is left. */
  settle(sent: SentEntry, change: string | undefined): Promise<Outcome>;
  /** Finishes what earlier runs left open. */
  sweep(): Promise<readonly Outcome[]>;
}

export interface PurseParts {
  readonly file: PurseFile;
  /** Opens a mint; may be called often. Rejects with MintFailure. */
  readonly openMint: (url: string) => Promise<PurseMint>;
  readonly fetchRefund: (router: string, token: string) => Promise<Refund>;
  readonly now: () => number;
}

const TOKEN_LIMITS = { maxChars: 200_000, maxProofs: 1_000 };
/** A token of more coins does not fit into a header; it is swapped into fewer first. */
const MAX_COINS_IN_HEADER = 40;
const REFUND_TRIES = 5;
const REFUND_PAUSE_MS = 1_000;

export function createPurse(parts: PurseParts): Purse {
  const { file } = parts;
  const coinsAt = (mint: string): PurseCoin[] =>
    file.content.coins.filter((coin) => coin.mint === mint);

  return {
    balances: () =>
      new Map(
        [...Map.groupBy(file.content.coins, ({ mint }) => mint)].map(([mint, coins]) => [
          mint,
          sum(coins),
        ]),
      ),
    total: () => sum(file.content.coins),
    receive(token) {
      canonicalMintUrl(readPlainToken(token).mint);
      const entry: TokenEntry = { kind: 'token', id: randomUUID(), token, sentTo: undefined };
      putEntry(file, entry);
      return orOpen(() => redeem(parts, entry));
    },
    async cut(amount, mintUrl, router) {
      const fits = exactCoins(coinsAt(mintUrl), amount);
      if (fits === undefined) await makeFit(parts, await parts.openMint(mintUrl), amount);
      const coins = fits ?? exactCoins(coinsAt(mintUrl), amount);
      if (coins === undefined) throw new Error(`the purse cannot make a token of ${amount} sat`);
      const token = tokenOf(mintUrl, coins);
      const sent: SentEntry = { kind: 'sent', id: randomUUID(), router, token };
      file.replace({
        coins: file.content.coins.filter((coin) => !coins.includes(coin)),
        entries: [...file.content.entries, sent],
      });
      return sent;
    },
    settle: (sent, change) => orOpen(() => settle(parts, sent, change)),
    async sweep() {
      const outcomes: Outcome[] = [];
      for (const entry of file.content.entries) {
        outcomes.push(await orOpen(() => finishEntry(parts, entry)));
      }
      return outcomes;
    },
  };
}

function exactCoins(coins: readonly PurseCoin[], amount: bigint): PurseCoin[] | undefined {
  const picked = pickExact(coins, amount);
  if (picked === undefined || picked.length > MAX_COINS_IN_HEADER) return undefined;
  return coins.filter((_coin, index) => picked.includes(index));
}

/** Swaps coins of the purse so that some of them are worth exactly `amount`. Throws when that does not work out. */
async function makeFit(parts: PurseParts, mint: PurseMint, amount: bigint): Promise<void> {
  const coins = parts.file.content.coins.filter((coin) => coin.mint === mint.url);
  const spendable = coins.map((coin) => ({ amount: coin.amount, ppk: mint.ppkOf(coin) }));
  const picked = pickCovering(spendable, amount);
  if (picked === undefined) {
    throw new Error(
      `the purse has ${sum(coins)} sat at ${mint.url}, too little for ${amount} and the mint's fee`,
    );
  }
  const inputs = coins.filter((_coin, index) => picked.includes(index));
  const rest = sum(inputs) - mint.feeOf(inputs) - amount;
  const amounts = [...amountsOf(mint, amount), ...amountsOf(mint, rest)];
  const result = await startSwap(parts, mint, { inputs, amounts, source: undefined });
  if (result.kind !== 'done')
    throw new Error(`${mint.url} did not change coins: ${describe(result)}`);
}

async function finishEntry(parts: PurseParts, entry: PurseEntry): Promise<Outcome> {
  if (entry.kind === 'token') return redeem(parts, entry);
  if (entry.kind === 'sent') return settle(parts, entry, undefined);
  return outcomeOf(await resumeSwap(parts, await parts.openMint(entry.mint), entry));
}

/** What does not work out now stays in the file as it is. */
async function orOpen(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    return open(error instanceof Error ? error.message : String(error));
  }
}

/** Swaps a token entry into coins of our own. */
async function redeem(parts: PurseParts, entry: TokenEntry): Promise<Outcome> {
  const token = readPlainToken(entry.token);
  const mint = await parts.openMint(canonicalMintUrl(token.mint));
  const inputs = mint.coinsOf(token.proofs);
  const amount = sum(inputs) - mint.feeOf(inputs);
  if (amount <= 0n) {
    dropEntry(parts.file, entry);
    return { kind: 'nothing', amount: 0n, message: 'it is worth no more than the fee of its mint' };
  }
  const amounts = amountsOf(mint, amount);
  return outcomeOf(await startSwap(parts, mint, { inputs, amounts, source: entry }));
}

async function settle(
  parts: PurseParts,
  sent: SentEntry,
  change: string | undefined,
): Promise<Outcome> {
  if (change !== undefined) return takeChange(parts, sent, change);
  const refund = await askForRefund(parts, sent);
  if (refund.kind === 'token') return takeChange(parts, sent, refund.token);
  if (refund.kind === 'later') return open(refund.message);

  const { mint: url, proofs } = readPlainToken(sent.token);
  const mint = await parts.openMint(canonicalMintUrl(url));
  const states = await mint.states(mint.coinsOf(proofs));
  if (states.every((state) => state === 'UNSPENT')) {
    const { id, router, token } = sent;
    const entry: TokenEntry = { kind: 'token', id, token, sentTo: { router, token } };
    putEntry(parts.file, entry);
    return redeem(parts, entry);
  }
  if (refund.kind === 'unknown') return open(refund.message);
  dropEntry(parts.file, sent);
  return { kind: 'nothing', amount: 0n, message: 'all of it was spent' };
}

/** The router answers "later" while the request still runs. */
async function askForRefund(parts: PurseParts, sent: SentEntry): Promise<Refund> {
  for (let tries = 1; ; tries += 1) {
    const refund = await parts.fetchRefund(sent.router, sent.token);
    if (refund.kind !== 'later' || tries === REFUND_TRIES) return refund;
    await sleep(REFUND_PAUSE_MS);
  }
}

async function takeChange(parts: PurseParts, sent: SentEntry, change: string): Promise<Outcome> {
  const changeMint = canonicalMintUrl(readPlainToken(change).mint);
  if (changeMint !== canonicalMintUrl(readPlainToken(sent.token).mint)) {
    return open(`${sent.router} gave change of another mint, ${changeMint}`);
  }
  const entry: TokenEntry = { kind: 'token', id: sent.id, token: change, sentTo: undefined };
  putEntry(parts.file, entry);
  return redeem(parts, entry);
}

/** Throws, without quoting the token, on what is no unlocked sat token. */
function readPlainToken(text: string): ReturnType<typeof readTokenText> {
  const token = readTokenText(text, TOKEN_LIMITS);
  if (token.unit !== 'sat') throw new Error('only tokens of unit sat can be taken in');
  if (token.proofs.some(({ secret }) => secret.trimStart().startsWith('['))) {
    throw new Error('the token is locked (NUT-10); only plain tokens can be taken in');
  }
  return token;
}

/** Adds an entry, in the place of the one with its id if there is one. */
function putEntry(file: PurseFile, entry: PurseEntry): void {
  const others = file.content.entries.filter(({ id }) => id !== entry.id);
  file.replace({ coins: file.content.coins, entries: [...others, entry] });
}

function dropEntry(file: PurseFile, entry: PurseEntry): void {
  const entries = file.content.entries.filter(({ id }) => id !== entry.id);
  file.replace({ coins: file.content.coins, entries });
}

function outcomeOf(result: SwapResult): Outcome {
  if (result.kind === 'done') return { kind: 'came', amount: result.amount, message: 'received' };
  if (result.kind !== 'spent') return open(result.message);
  return { kind: 'lost', amount: result.amount, message: describe(result) };
}

function describe(result: SwapResult): string {
  if (result.kind === 'spent') return `${result.amount} sat were already spent by somebody else`;
  return result.kind === 'done' ? 'done' : result.message;
}

function open(message: string): Outcome {
  return { kind: 'open', amount: 0n, message };
}
