import { createHmac, randomUUID } from 'node:crypto';

import type { MintCore } from './core.ts';
import { invoiceMsat } from './invoice.ts';
import { splitAmount } from './keyset.ts';
import { MintError, ShapeError } from './mint-error.ts';
import { MAX_AMOUNT } from './mint-quotes.ts';
import type { MeltQuote, MintQuote } from './state.ts';
import { sumOf } from './transaction.ts';
import { parseBody, parseInputs, parseOutputs, parseText, signatureBody } from './wire.ts';
import type { Input, Output } from './wire.ts';

export type MeltOutcome = 'paid' | 'failed' | 'pending';

/** Lightning out: NUT-05, NUT-08, NUT-23. No payment is ever made; its outcome is what was told. */
export interface MeltQuotes {
  create(body: unknown): object;
  get(quoteId: string): object;
  melt(body: unknown): object;
  /**
   * Decides how the payment of a quote ends: at once when it is pending, else when it is melted.
   * Throws `MintError` for an unknown quote.
   */
  settle(quoteId: string, outcome: MeltOutcome): void;
}

const EXPIRES_IN_S = 3600;
const MAX_OUTCOMES = 10_000;

type Held = NonNullable<MeltQuote['held']>;

export function createMeltQuotes(
  core: MintCore,
  options: { readonly feeReserve: number; readonly outcome: MeltOutcome },
): MeltQuotes {
  const outcomes = new Map<string, MeltOutcome>();
  return {
    create: (value) => meltQuoteBody(createQuote(core, value, options.feeReserve)),
    get: (quoteId) => meltQuoteBody(findQuote(core, quoteId)),
    melt(value) {
      const body = parseBody(value);
      const quote = findQuote(core, parseText(body, 'quote'));
      const held = checkOffer(core, quote, {
        inputs: parseInputs(body['inputs']),
        outputs: parseOutputs(body['outputs'] ?? []),
      });
      const outcome = outcomes.get(quote.quote) ?? options.outcome;
      if (outcome === 'failed') throw new MintError('paymentFailed', 'Lightning payment failed');
      if (outcome === 'paid') finish(core, quote, held);
      else {
        const pending = held.inputs.map(({ Y }) => Y);
        core.state.commit({ pending, meltQuotes: [{ ...quote, state: 'PENDING', held }] });
      }
      return meltQuoteBody(findQuote(core, quote.quote));
    },
    settle(quoteId, outcome) {
      const quote = findQuote(core, quoteId);
      if (quote.held === undefined) {
        if (outcomes.size >= MAX_OUTCOMES) outcomes.clear();
        outcomes.set(quoteId, outcome);
      } else if (outcome === 'paid') {
        finish(core, quote, quote.held);
      } else if (outcome === 'failed') {
        const released = quote.held.inputs.map(({ Y }) => Y);
        const unpaid: MeltQuote = { ...quote, state: 'UNPAID', held: undefined };
        core.state.commit({ released, meltQuotes: [unpaid] });
      }
    },
  };
}

function findQuote(core: MintCore, quoteId: string): MeltQuote {
  const quote = core.state.meltQuotes.get(quoteId);
  if (quote === undefined) throw new MintError('unknownQuote', 'unknown quote');
  return quote;
}

/** The mint quote whose invoice this is, if it is one of this mint. */
function ownQuote(core: MintCore, request: string): MintQuote | undefined {
  return [...core.state.mintQuotes.values()].find((quote) => quote.request === request);
}

function createQuote(core: MintCore, value: unknown, feeReserve: number): MeltQuote {
  const body = parseBody(value);
  const request = parseText(body, 'request');
  const unit = parseText(body, 'unit');
  core.activeKeyset(unit);
  const msat = invoiceMsat(request);
  if (msat === undefined) throw new ShapeError('request is not an invoice with an amount');
  const amount = unit === 'msat' ? msat : Math.ceil(msat / 1000);
  if (amount > MAX_AMOUNT) throw new ShapeError('amount is out of range');
  const quote: MeltQuote = {
    quote: randomUUID(),
    request,
    amount,
    unit,
    feeReserve: ownQuote(core, request) === undefined ? feeReserve : 0,
    state: 'UNPAID',
    expiry: core.nowS() + EXPIRES_IN_S,
    preimage: null,
    change: [],
    held: undefined,
  };
  core.state.commit({ meltQuotes: [quote] });
  return quote;
}

function checkOffer(
  core: MintCore,
  quote: MeltQuote,
  offer: { readonly inputs: readonly Input[]; readonly outputs: readonly Output[] },
): Held {
  const { inputs, outputs } = offer;
  if (quote.state === 'PENDING') throw new MintError('quotePending', 'quote is pending');
  if (quote.state === 'PAID') throw new MintError('alreadyPaid', 'quote is already paid');
  const checked = core.transactions.checkInputs({ inputs, outputs, quote: quote.quote });
  const units = outputs.length === 0 ? [] : [core.transactions.checkOutputs(outputs, 'blank')];
  if ([checked.unit, ...units].some((unit) => unit !== quote.unit)) {
    throw new MintError('otherUnit', 'unit does not match the quote');
  }
  if (checked.sum < quote.amount + quote.feeReserve + checked.fee) {
    throw new MintError('unbalanced', 'inputs are too small');
  }
  const own = ownQuote(core, quote.request);
  if (own !== undefined && own.state !== 'UNPAID') {
    throw new MintError('alreadyPaid', 'the invoice is already paid');
  }
  return { inputs: checked.proofs, outputs, fee: checked.fee };
}

/** Spends the inputs, pays the mint's own invoice if it is one, and signs what was too much onto the blank outputs. */
function finish(core: MintCore, quote: MeltQuote, held: Held): void {
  const own = ownQuote(core, quote.request);
  const sum = sumOf(held.inputs);
  // a payment may have been pending for long: its blank outputs can be signed by now, and its invoice paid
  const blanks = held.outputs.filter(({ B_ }) => !core.state.signed.has(B_));
  const parts = splitAmount(sum - quote.amount - held.fee);
  const change = core.transactions.sign(
    blanks.slice(0, parts.length).map((blank, at) => ({ ...blank, amount: parts[at] ?? 0 })),
  );
  const paid: MeltQuote = {
    ...quote,
    state: 'PAID',
    held: undefined,
    preimage: own?.preimage ?? inventPreimage(core.seed, quote.quote),
    change: change.map(signatureBody),
  };
  core.state.commit({
    spent: held.inputs,
    released: held.inputs.map(({ Y }) => Y),
    signed: change,
    meltQuotes: [paid],
    mintQuotes: own?.state === 'UNPAID' ? [{ ...own, state: 'PAID', updatedAt: core.nowS() }] : [],
    flow: {
      unit: quote.unit,
      paidIn: 0,
      paidOut: quote.amount,
      fees: sum - quote.amount - sumOf(change),
    },
  });
}

export function meltQuoteBody(quote: MeltQuote): object {
  return {
    quote: quote.quote,
    request: quote.request,
    amount: quote.amount,
    unit: quote.unit,
    fee_reserve: quote.feeReserve,
    state: quote.state,
    expiry: quote.expiry,
    payment_preimage: quote.preimage,
    ...(quote.change.length === 0 ? {} : { change: quote.change }),
  };
}

/** The preimage of a stranger's invoice cannot be known; wallets get 32 bytes that are always the same. */
function inventPreimage(seed: string, quoteId: string): string {
  return createHmac('sha256', seed).update(`invented/${quoteId}`).digest('hex');
}
