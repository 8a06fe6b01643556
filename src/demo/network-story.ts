import { setTimeout as sleep } from 'node:timers/promises';

import type { Log } from '../lib/log.ts';
import { checkBooks } from '../money.ts';
import type { NetworkNode, Network } from './network.ts';
import { CAPITAL_SAT } from './network.ts';
import { paidChat, sumOf } from './receipt.ts';
import type { PaidPlace, Receipt } from './receipt.ts';

/** A node as the router has found it. */
export interface FoundNode {
  readonly id: string;
  readonly name: string;
  readonly trust: string;
  readonly capSat: number;
  /** What it asks for a million tokens of output, sat. */
  readonly outputSat: number;
}

/** What the router bought, to the msat. */
export interface Hop {
  readonly node: string;
  readonly depositedMsat: number;
  readonly chargedMsat: number;
  readonly returnedMsat: number;
  /** Mint fees and dust. */
  readonly lostMsat: number;
}

/** Who has how much in the end, sat; `total` is what the mint says is out. */
export interface NetworkSheet {
  readonly holders: readonly { readonly who: string; readonly sat: number }[];
  readonly sumSat: number;
  readonly issuedSat: number;
  readonly mintFeesSat: number;
  readonly outstandingSat: number;
}

const POLL_MS = 50;
const TIMEOUT_MS = 30_000;

/** Resolves when the router offers the model through both nodes; the cheaper one first. */
export async function bothFound(network: Network): Promise<readonly FoundNode[]> {
  const { market } = network.router.app;
  if (market === undefined) throw new Error('the router of the demo does not look for nodes');
  const deadline = Date.now() + TIMEOUT_MS;
  while (market.sources().filter(isPriced).length < 2) {
    if (Date.now() > deadline) throw new Error('the nodes were not found');
    await sleep(POLL_MS);
  }
  const found = market.discovery.nodes().map((node) => ({
    id: node.id,
    name: node.name,
    trust: node.standing.level,
    capSat: node.standing.capSat,
    outputSat: Number(node.models?.[0]?.satPerToken?.output ?? 0) * 1_000_000,
  }));
  return found.toSorted((a, b) => a.outputSat - b.outputSat);
}

function isPriced({
  listed,
}: {
  readonly listed?: (() => readonly unknown[] | undefined) | undefined;
}): boolean {
  return (listed?.() ?? []).length > 0;
}

/** One paid chat with the router; the payer's wallet keeps what it receives. */
export function chatWith(network: Network, onText: (text: string) => void): Promise<Receipt> {
  const place: PaidPlace = { mint: network.mint, router: network.router.app };
  return paidChat(place, onText);
}

/** Has everything back that lies at nodes, and tells what became of it, in the order in which they were bought from. */
export async function settleHops(network: Network): Promise<readonly Hop[]> {
  const { purchases } = network.router.app.money;
  await purchases.recall();
  const names = await nodeNames(network);
  const order = [network.flaky.name, network.steady.name];
  const hops = (await purchases.totals()).map(({ node, deposited, charged, returned, lost }) => ({
    node: names.get(node) ?? node,
    depositedMsat: Number(deposited),
    chargedMsat: Number(charged),
    returnedMsat: Number(returned),
    lostMsat: Number(lost),
  }));
  return hops.toSorted((a, b) => order.indexOf(a.node) - order.indexOf(b.node));
}

async function nodeNames(network: Network): Promise<ReadonlyMap<string, string>> {
  const nodes = network.router.app.market?.discovery.nodes() ?? [];
  return new Map(nodes.map(({ pubkey, name }) => [pubkey, name]));
}

/** Counts everybody's coins, and asks the mint what there must be. */
export async function sheetOf(
  network: Network,
  receipts: readonly Receipt[],
  log: Log,
): Promise<NetworkSheet> {
  const payer = receipts.reduce((sum, { received }) => sum + sumOf(received), 0);
  const nodes = [network.router, network.flaky, network.steady];
  const held = await Promise.all(nodes.map((node) => coinsOf(node, log)));
  const holders = [
    { who: 'payer (change of all chats)', sat: payer },
    ...nodes.map(({ name }, index) => ({
      who: name === 'router' ? `router (began with ${CAPITAL_SAT})` : name,
      sat: held[index] ?? 0,
    })),
    { who: 'relay (carries words, no money)', sat: 0 },
  ];
  const { paidIn, fees, outstanding } = network.mint.books();
  return {
    holders,
    sumSat: holders.reduce((sum, { sat }) => sum + sat, 0),
    issuedSat: paidIn,
    mintFeesSat: fees,
    outstandingSat: outstanding,
  };
}

async function coinsOf({ config }: NetworkNode, log: Log): Promise<number> {
  const books = await checkBooks(config, log);
  if (books === undefined) throw new Error('a node has no books');
  if (books.faults.length > 0) throw new Error(books.faults.join('; '));
  return Number(books.coinsSat);
}
