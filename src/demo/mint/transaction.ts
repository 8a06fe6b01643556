import type { Crypto } from '../../crypto/crypto.ts';
import { feeOf } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import { MintError } from './mint-error.ts';
import { checkConditions } from './spending-condition.ts';
import type { MintState, Signed, SpentProof } from './state.ts';
import type { Input, Output } from './wire.ts';

export interface Offer {
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  /** The melt quote, which SIG_ALL covers. */
  readonly quote?: string | undefined;
}

export interface CheckedInputs {
  readonly proofs: readonly SpentProof[];
  readonly unit: string;
  readonly sum: number;
  readonly fee: number;
}

/** Checks and signs; keeps nothing itself. All functions throw `MintError` on a refusal. */
export interface Transactions {
  /** Inputs that are good, unspent, not pending and unlocked. */
  checkInputs(offer: Offer): CheckedInputs;
  /** Outputs that can be signed, and their unit. `blank`: their amounts are given later (NUT-08). */
  checkOutputs(outputs: readonly Output[], blank?: 'blank'): string;
  sign(outputs: readonly Output[]): readonly Signed[];
}

export function createTransactions(parts: TransactionParts): Transactions {
  return {
    checkInputs: (offer) => checkInputs(parts, offer),
    checkOutputs: (outputs, blank) => checkOutputs(parts, outputs, blank),
    sign: (outputs) => outputs.map((output) => sign(parts, output)),
  };
}

export interface TransactionParts {
  readonly crypto: Crypto;
  readonly state: MintState;
  readonly keysets: ReadonlyMap<string, Keyset>;
  nowS(): number;
}

function checkInputs(parts: TransactionParts, offer: Offer): CheckedInputs {
  const { inputs } = offer;
  if (inputs.length === 0) throw new MintError('unbalanced', 'no inputs');
  if (new Set(inputs.map(({ secret }) => secret)).size < inputs.length) {
    throw new MintError('duplicateInputs', 'duplicate inputs');
  }
  const proofs = inputs.map((input) => checkInput(parts, input));
  checkConditions(parts.crypto, { ...offer, nowS: parts.nowS() });
  return {
    proofs,
    unit: onlyUnit(proofs.map(({ unit }) => unit)),
    sum: sumOf(inputs),
    fee: feeOf(inputs.map(({ id }) => keysetOf(parts, id))),
  };
}

function checkInput(parts: TransactionParts, input: Input): SpentProof {
  const { crypto, state } = parts;
  const keyset = keysetOf(parts, input.id);
  const key = keyset.privateKeys.get(input.amount);
  if (key === undefined) throw new MintError('invalidProof', 'no key for this amount');
  const secret = Buffer.from(input.secret);
  const Y = hex(crypto.hashToCurve(secret));
  if (state.spent.has(Y)) throw new MintError('alreadySpent', 'token already spent');
  if (state.pending.has(Y)) throw new MintError('pending', 'proofs are pending');
  const C = Buffer.from(input.C, 'hex');
  if (!crypto.isPoint(C) || !crypto.verifyProof(secret, C, key)) {
    throw new MintError('invalidProof', 'proof could not be verified');
  }
  return { Y, amount: input.amount, unit: keyset.unit, witness: input.witness };
}

function checkOutputs(
  parts: TransactionParts,
  outputs: readonly Output[],
  blank?: 'blank',
): string {
  if (outputs.length === 0) throw new MintError('unbalanced', 'no outputs');
  if (new Set(outputs.map(({ B_ }) => B_)).size < outputs.length) {
    throw new MintError('duplicateOutputs', 'duplicate outputs');
  }
  const units = outputs.map((output) => {
    const keyset = keysetOf(parts, output.id);
    if (!keyset.active) throw new MintError('inactiveKeyset', 'keyset is inactive');
    if (blank === undefined && !keyset.privateKeys.has(output.amount)) {
      throw new MintError('invalidProof', 'no key for this amount');
    }
    if (!parts.crypto.isPoint(Buffer.from(output.B_, 'hex'))) {
      throw new MintError('invalidProof', 'invalid blinded message');
    }
    if (parts.state.signed.has(output.B_)) {
      throw new MintError('alreadySigned', 'outputs have already been signed before');
    }
    return keyset.unit;
  });
  return onlyUnit(units);
}

function sign(parts: TransactionParts, output: Output): Signed {
  const keyset = keysetOf(parts, output.id);
  const key = keyset.privateKeys.get(output.amount);
  if (key === undefined) throw new MintError('invalidProof', 'no key for this amount');
  const B_ = Buffer.from(output.B_, 'hex');
  const C_ = parts.crypto.signBlinded(B_, key);
  const { e, s } = parts.crypto.proveDleq(B_, C_, key);
  return { ...output, unit: keyset.unit, C_: hex(C_), dleq: { e: hex(e), s: hex(s) } };
}

function keysetOf(parts: TransactionParts, id: string): Keyset {
  const keyset = parts.keysets.get(id);
  if (keyset === undefined) throw new MintError('unknownKeyset', 'unknown keyset');
  return keyset;
}

export function sumOf(items: readonly { readonly amount: number }[]): number {
  return items.reduce((sum, { amount }) => sum + amount, 0);
}

function onlyUnit(units: readonly string[]): string {
  const [unit = '', ...others] = new Set(units);
  if (others.length > 0) throw new MintError('manyUnits', 'all must be of one unit');
  return unit;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
