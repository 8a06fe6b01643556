import { getEncodedToken, Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import OpenAI from 'openai';

import { loadCrypto } from '../crypto/load.ts';
import { createOutputCreator } from '../wallet/output-creator.ts';
import { DEMO_MODEL } from './world.ts';
import type { World } from './world.ts';

/** What one paid, streamed chat cost, to the msat. */
export interface Receipt {
  readonly paidMsat: number;
  readonly costMsat: number;
  readonly changeMsat: number;
  /** What is left on the token's account: less than a sat. */
  readonly dustMsat: number;
  /** What the mint took for redeeming the token. */
  readonly mintFeeMsat: number;
  /** What an independent wallet got for the change, after the mint's fee. */
  readonly receivedMsat: number;
  readonly chunks: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Who answered, as the router names it. */
  readonly provider: string | undefined;
  /** The change, as the wallet that received it has it now: worth `receivedMsat`. */
  readonly received: readonly Proof[];
}

/** Where a chat is paid. */
export type PaidPlace = Pick<World, 'mint' | 'router'>;

export const QUESTION = 'Why would anybody pay for a language model with ecash?';

/** Pays with a fresh token as the API key, through the official SDK, and receives the change in a wallet of its own. */
export async function paidChat(world: PaidPlace, onText: (text: string) => void): Promise<Receipt> {
  const paidSat = 1000;
  const apiKey = world.mint.faucet(paidSat);
  const client = new OpenAI({ baseURL: `${world.router.url}/v1`, apiKey, maxRetries: 0 });
  const { data: stream, response } = await client.chat.completions
    .create({
      model: DEMO_MODEL,
      messages: [{ role: 'user', content: QUESTION }],
      stream: true,
    })
    .withResponse();
  let chunks = 0;
  let last: unknown;
  for await (const chunk of stream) {
    chunks += 1;
    onText(chunk.choices[0]?.delta.content ?? '');
    last = chunk;
  }
  const usage = field(last, 'usage');
  const costMsat = numberOf(field(field(usage, 'cost'), 'total_msats'));
  const dustMsat = numberOf(field(field(usage, 'cost'), 'remaining_balance_msats'));
  const change = field(last, 'x_cashu');
  if (typeof change !== 'string') throw new Error('the last chunk carries no change');
  const { changeMsat, received } = await receive(world, change);
  const paidMsat = paidSat * 1000;
  return {
    paidMsat,
    costMsat,
    changeMsat,
    dustMsat,
    mintFeeMsat: paidMsat - costMsat - changeMsat - dustMsat,
    receivedMsat: sumOf(received) * 1000,
    received,
    chunks,
    promptTokens: numberOf(field(usage, 'prompt_tokens')),
    completionTokens: numberOf(field(usage, 'completion_tokens')),
    provider: response.headers.get('x-nutroute-provider') ?? undefined,
  };
}

async function receive(
  world: PaidPlace,
  token: string,
): Promise<{ changeMsat: number; received: readonly Proof[] }> {
  const wallet = await walletAt(world);
  const changeSat = sumOf(wallet.decodeToken(token).proofs);
  return { changeMsat: changeSat * 1000, received: await wallet.receive(token) };
}

/** In sat. */
export function sumOf(proofs: readonly { readonly amount: { toString(): string } }[]): number {
  return proofs.reduce((sum, proof) => sum + Number(proof.amount.toString()), 0);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw new Error('the last chunk does not tell the cost');
  return value;
}

/** The same token, half as long: for people to paste. */
export async function withoutDleq(token: string, world: PaidPlace): Promise<string> {
  const wallet = await walletAt(world);
  const { mint, proofs } = wallet.decodeToken(token);
  const bare = proofs.map(({ id, amount, secret, C }) => ({ id, amount, secret, C }));
  return getEncodedToken({ mint, unit: 'sat', proofs: bare });
}

async function walletAt(world: PaidPlace): Promise<Wallet> {
  const outputDataCreator = createOutputCreator(loadCrypto());
  const wallet = new Wallet(world.mint.url, { unit: 'sat', outputDataCreator });
  await wallet.loadMint();
  return wallet;
}
