import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { loadCrypto } from '../crypto/load.ts';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { listen, sendJson } from './http-server.ts';
import { createAnswer } from './mint/answer.ts';
import { createCallLog } from './mint/call-log.ts';
import type { Call } from './mint/call-log.ts';
import { createCore } from './mint/core.ts';
import type { MintCore } from './mint/core.ts';
import { mintEndpoints } from './mint/endpoints.ts';
import { createFaults } from './mint/fault.ts';
import type { Fault } from './mint/fault.ts';
import { memoryJournal, openJournal } from './mint/journal.ts';
import { createMeltQuotes } from './mint/melt-quotes.ts';
import type { MeltOutcome } from './mint/melt-quotes.ts';
import { createMintQuotes } from './mint/mint-quotes.ts';
import { createSubscriptions } from './mint/subscriptions.ts';
import { encodeToken, makeProofs } from './mint/token.ts';
import { sumOf } from './mint/transaction.ts';
import { acceptWebSocket } from './mint/websocket.ts';

export interface MintOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** The address in tokens, when wallets reach the mint through something else. */
  readonly publicUrl?: string;
  /** The keys follow from it. Default: random, kept in the state file. */
  readonly seed?: string;
  /** Default: `sat`. */
  readonly units?: readonly string[];
  /** Of the first keysets; default 0. */
  readonly inputFeePpk?: number;
  /** Where the state survives; default: nowhere. */
  readonly stateFile?: string;
  /** Also a power cut; default: only kill -9. */
  readonly fsync?: boolean;
  /** Invoices pay themselves at once. */
  readonly autoPay?: boolean;
  /** How melts end that nobody decided; default `paid`. */
  readonly meltOutcome?: MeltOutcome;
  /** Reserve asked for melts of foreign invoices; default 2. All of it comes back. */
  readonly feeReserve?: number;
  /** NUT-19 on, with this ttl. Default: off. */
  readonly cacheTtlS?: number;
  readonly clock?: Clock;
}

/** All ecash of a unit: `issued - spent = outstanding = paidIn - paidOut - fees`. */
export interface Books {
  readonly issued: number;
  readonly spent: number;
  readonly outstanding: number;
  readonly paidIn: number;
  readonly paidOut: number;
  readonly fees: number;
}

/** What a test or a demo does to the mint beside its protocol. */
export interface MintControl {
  /** Pays the invoice of a mint quote. */
  pay(quoteId: string): void;
  settleMelt(quoteId: string, outcome: MeltOutcome): void;
  /** An invoice to melt, of somebody this mint does not know. */
  invoice(amount: number, unit?: string): string;
  /** A new active keyset (same fee unless given); the old one becomes inactive. Returns its id. */
  rotate(unit?: string, feePpk?: number): string;
  /** A `cashuB` token of fresh proofs; `amounts` (default: the fewest) must sum to `amount`. */
  faucet(amount: number, unit?: string, amounts?: readonly number[]): string;
  addFault(fault: Fault): void;
  clearFaults(): void;
  /** What the operator of a real mint does by hand: proofs stuck PENDING, not those of a melt, become UNSPENT. */
  releaseStuck(): void;
  calls(): readonly Call[];
  /** Calls whose path starts with `path`. */
  callCount(path?: string): number;
  clearCalls(): void;
  books(unit?: string): Books;
  /** Y (hex) of every spent proof. */
  spentYs(): readonly string[];
  /** B_ (hex) of every signed output. */
  signedOutputs(): readonly string[];
}

export interface DemoMint extends MintControl {
  readonly url: string;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A complete mint on 127.0.0.1: NUT-00 to 12, 17, 19 (optional) and 20. Its Lightning is play. */
export async function startMint(options: MintOptions = {}): Promise<DemoMint> {
  const clock = options.clock ?? systemClock;
  const journal =
    options.stateFile === undefined
      ? memoryJournal()
      : openJournal(options.stateFile, options.fsync ?? false);
  const core = createCore({
    crypto: loadCrypto(),
    journal,
    clock,
    seed: options.seed,
    units: options.units ?? ['sat'],
    inputFeePpk: options.inputFeePpk ?? 0,
  });
  const mintQuotes = createMintQuotes(core, { autoPay: options.autoPay ?? false });
  const meltQuotes = createMeltQuotes(core, {
    feeReserve: options.feeReserve ?? 2,
    outcome: options.meltOutcome ?? 'paid',
  });
  const { cacheTtlS } = options;
  const endpoints = mintEndpoints({ core, mintQuotes, meltQuotes, cacheTtlS });
  const faults = createFaults();
  const calls = createCallLog(clock);
  const closing = new AbortController();
  const answer = createAnswer({
    core,
    endpoints,
    faults,
    calls,
    cacheTtlS,
    closing: closing.signal,
  });
  const listening = await listen((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // a caller that left in mid-body, or a call that was delayed beyond the end
      if (!request.complete || closing.signal.aborted) return;
      console.error(error);
      sendJson(response, 500, { detail: 'the mint failed' });
    });
  }, options.port ?? 0);
  const sockets = acceptSubscribers(core, listening.server);
  const tokenUrl = options.publicUrl ?? listening.url;

  return {
    url: listening.url,
    pay: (quoteId) => mintQuotes.pay(quoteId),
    settleMelt: (quoteId, outcome) => meltQuotes.settle(quoteId, outcome),
    invoice: (amount, unit = 'sat') => mintQuotes.invoice(amount, unit),
    rotate: (unit = 'sat', feePpk) => core.rotate(unit, feePpk),
    faucet(amount, unit = 'sat', amounts) {
      const wish = { amount, unit, ...(amounts === undefined ? {} : { amounts }) };
      return encodeToken(tokenUrl, unit, makeProofs(core, wish));
    },
    addFault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    releaseStuck: () => releaseStuck(core),
    calls: () => calls.list(),
    callCount: (path) => calls.count(path),
    clearCalls: () => calls.clear(),
    books: (unit = 'sat') => booksOf(core, unit),
    spentYs: () => [...core.state.spent.keys()],
    signedOutputs: () => [...core.state.signed.keys()],
    async close() {
      closing.abort();
      for (const socket of sockets) socket.destroy();
      await listening.close();
      journal.close();
    },
  };
}

function acceptSubscribers(core: MintCore, server: Server): ReadonlySet<Duplex> {
  const sockets = new Set<Duplex>();
  const subscribe = createSubscriptions(core);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url !== '/v1/ws') {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    acceptWebSocket(request, socket, head, subscribe);
  });
  return sockets;
}

function releaseStuck(core: MintCore): void {
  const melting = [...core.state.meltQuotes.values()].flatMap(({ held }) => held?.inputs ?? []);
  const held = new Set(melting.map(({ Y }) => Y));
  core.state.commit({ released: [...core.state.pending].filter((Y) => !held.has(Y)) });
}

function booksOf(core: MintCore, unit: string): Books {
  const ofUnit = (item: { readonly unit: string }) => item.unit === unit;
  const issued = sumOf([...core.state.signed.values()].filter(ofUnit));
  const spent = sumOf([...core.state.spent.values()].filter(ofUnit));
  const flow = core.state.flows.get(unit);
  return {
    issued,
    spent,
    outstanding: issued - spent,
    paidIn: flow?.paidIn ?? 0,
    paidOut: flow?.paidOut ?? 0,
    fees: flow?.fees ?? 0,
  };
}
