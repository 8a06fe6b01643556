import { createHash, createHmac, randomUUID } from 'node:crypto';

import type { JsonRecord } from '../json.ts';
import type { MintCore } from './core.ts';
import { makeInvoice } from './invoice.ts';
import { MintError, ShapeError } from './mint-error.ts';
import type { MintQuote } from './state.ts';
import { sumOf } from './transaction.ts';
import { parseAmount, parseBody, parseOutputs, parseText, signatureBody } from './wire.ts';
import type { Output } from './wire.ts';

/** Lightning in: NUT-04, NUT-20, NUT-23. */
export interface MintQuotes {
  create(body: unknown): object;
  get(quoteId: string): object;
  /** Signs the outputs of a paid quote. */
  mint(body: unknown): object;
  /** The invoice of a quote gets paid. Idempotent. Throws `MintError` for an unknown quote. */
  pay(quoteId: string): void;
  /** An unpaid invoice of this mint's node that belongs to no quote. */
  invoice(amount: number, unit: string): string;
}

const EXPIRES_IN_S = 3600;
/** Far from the sums that a JS number cannot hold. */
export const MAX_AMOUNT = 2 ** 39;

export function createMintQuotes(
  core: MintCore,
  options: { readonly autoPay: boolean },
): MintQuotes {
  const { state } = core;
  return {
    create(value) {
      const quote = newQuote(core, value, options.autoPay ? 'PAID' : 'UNPAID');
      state.commit({ mintQuotes: [quote] });
      return mintQuoteBody(quote);
    },
    get: (quoteId) => mintQuoteBody(findQuote(core, quoteId)),
    mint(value) {
      const body = parseBody(value);
      const quote = findQuote(core, parseText(body, 'quote'));
      const outputs = parseOutputs(body['outputs']);
      if (quote.state === 'UNPAID') throw new MintError('quoteNotPaid', 'quote is not paid');
      if (quote.state === 'ISSUED') throw new MintError('alreadyIssued', 'quote already issued');
      const unit = core.transactions.checkOutputs(outputs);
      if (unit !== quote.unit) throw new MintError('otherUnit', 'unit does not match the quote');
      if (sumOf(outputs) !== quote.amount)
        throw new MintError('unbalanced', 'amounts do not match');
      checkQuoteSignature(core, quote, outputs, body);
      const signed = core.transactions.sign(outputs);
      const flow = { unit, paidIn: quote.amount, paidOut: 0, fees: 0 };
      const issued: MintQuote = { ...quote, state: 'ISSUED', updatedAt: core.nowS() };
      state.commit({ signed, mintQuotes: [issued], flow });
      return { signatures: signed.map(signatureBody) };
    },
    pay(quoteId) {
      const quote = findQuote(core, quoteId);
      if (quote.state !== 'UNPAID') return;
      state.commit({ mintQuotes: [{ ...quote, state: 'PAID', updatedAt: core.nowS() }] });
    },
    invoice: (amount, unit) =>
      newInvoice(core, randomUUID(), { amount, unit, description: 'somebody else' }).request,
  };
}

function findQuote(core: MintCore, quoteId: string): MintQuote {
  const quote = core.state.mintQuotes.get(quoteId);
  if (quote === undefined) throw new MintError('unknownQuote', 'unknown quote');
  return quote;
}

function newQuote(core: MintCore, value: unknown, state: MintQuote['state']): MintQuote {
  const body = parseBody(value);
  const amount = parseAmount(body);
  if (amount < 1 || amount > MAX_AMOUNT) throw new ShapeError('amount is out of range');
  const unit = parseText(body, 'unit');
  core.activeKeyset(unit);
  const description =
    body['description'] === undefined ? 'demo mint' : parseText(body, 'description');
  const id = randomUUID();
  return {
    quote: id,
    ...newInvoice(core, id, { amount, unit, description }),
    amount,
    unit,
    state,
    expiry: core.nowS() + EXPIRES_IN_S,
    updatedAt: core.nowS(),
    pubkey: body['pubkey'] === undefined ? undefined : parseText(body, 'pubkey'),
  };
}

function newInvoice(
  core: MintCore,
  id: string,
  terms: { readonly amount: number; readonly unit: string; readonly description: string },
): { readonly request: string; readonly preimage: string } {
  const preimage = createHmac('sha256', core.seed).update(`preimage/${id}`).digest();
  const request = makeInvoice(core.crypto, {
    amountMsat: terms.unit === 'msat' ? terms.amount : terms.amount * 1000,
    preimage,
    nodeKey: createHmac('sha256', core.seed).update('node').digest(),
    description: terms.description,
    createdAtS: core.nowS(),
    expiresInS: EXPIRES_IN_S,
  });
  return { request, preimage: preimage.toString('hex') };
}

export function mintQuoteBody(quote: MintQuote): object {
  return {
    quote: quote.quote,
    request: quote.request,
    amount: quote.amount,
    unit: quote.unit,
    state: quote.state,
    expiry: quote.expiry,
    amount_paid: quote.state === 'UNPAID' ? 0 : quote.amount,
    amount_issued: quote.state === 'ISSUED' ? quote.amount : 0,
    updated_at: quote.updatedAt,
    ...(quote.pubkey === undefined ? {} : { pubkey: quote.pubkey }),
  };
}

/** NUT-20, in its framed form and in the older one without amounts. */
function checkQuoteSignature(
  core: MintCore,
  quote: MintQuote,
  outputs: readonly Output[],
  body: JsonRecord,
): void {
  if (quote.pubkey === undefined) return;
  const signature = typeof body['signature'] === 'string' ? body['signature'] : '';
  const key = Buffer.from(quote.pubkey.slice(2), 'hex');
  const isGood = [framedMessage, legacyMessage].some((message) =>
    core.crypto.schnorrVerify(Buffer.from(signature, 'hex'), message(quote.quote, outputs), key),
  );
  if (!isGood) throw new MintError('badSignature', 'signature of the quote is missing or wrong');
}

function framedMessage(quoteId: string, outputs: readonly Output[]): Uint8Array {
  const hash = createHash('sha256').update('Cashu_MintQuoteSig_v1');
  const frame = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  frame(Buffer.from(quoteId));
  for (const { amount, B_ } of outputs) {
    const hex = amount.toString(16);
    frame(Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex'));
    frame(Buffer.from(B_, 'hex'));
  }
  return hash.digest();
}

function legacyMessage(quoteId: string, outputs: readonly Output[]): Uint8Array {
  const text = quoteId + outputs.map(({ B_ }) => B_).join('');
  return createHash('sha256').update(text).digest();
}
