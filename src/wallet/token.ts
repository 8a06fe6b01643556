import { Amount, getEncodedToken } from '@cashu/cashu-ts';

import type { Crypto } from '../crypto/crypto.ts';
import { RouterError } from '../lib/errors.ts';
import { hexOf } from '../lib/hex.ts';
import { accountIdOf } from './account-id.ts';
import { ACCEPTED_UNIT, feeOf } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { Mint, Mints } from './mints.ts';
import { mintAway } from './token-errors.ts';
import { readTokenText } from './token-text.ts';
import type { DleqText, ProofText, TokenTextLimits } from './token-text.ts';

/** What a token in an HTTP header may be: 64 coins, about 48 kB. */
const HEADER_TOKEN_LIMITS: TokenTextLimits = { maxChars: 48 * 1024, maxProofs: 64 };

/** All the sat there will ever be; a token above it is a lie that would only strain our integers. */
const MAX_TOKEN_SAT = 2_100_000_000_000_000n;

export interface IncomingProof {
  /** Full keyset id, lower-case hex. */
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  readonly C: Uint8Array;
  readonly y: Uint8Array;
  /** Present only when it was given whole; then it is valid. */
  readonly dleq: DleqText | undefined;
  /** As the token has it. Mints refuse a witness on a plain coin: do not send it on. */
  readonly witness: string | undefined;
}

/** A token that was checked as far as that is possible without its mint. Whether its coins are unspent only the mint knows. */
export interface IncomingToken {
  readonly mint: Mint;
  /** From the keysets, never from the token's own words. */
  readonly unit: string;
  readonly proofs: readonly IncomingProof[];
  /** Sum of the coins, in `unit`. */
  readonly amount: bigint;
  /** NUT-02 fee of swapping these coins, in `unit`; below `amount`. */
  readonly fee: bigint;
  /** 64 hex characters, the same for every spelling of these coins. */
  readonly accountId: string;
}

/**
 * The mint's keysets as we know them lack one of the token's; `mint` may be refreshed once. `cashu_token_invalid`, but
 * `cashu_mint_unreachable` while the mint is away: then nobody knows.
 */
export class UnknownKeyset extends RouterError {
  readonly mint: Mint;

  constructor(mint: Mint) {
    const { code, message, retryAfterS } = mint.away ? mintAway() : NOT_LISTED;
    super(code, message, retryAfterS === undefined ? {} : { retryAfterS });
    this.mint = mint;
  }
}

const NOT_LISTED = {
  code: 'cashu_token_invalid',
  message: 'The token has coins of a keyset that its mint does not list.',
  retryAfterS: undefined,
} as const;

/**
 * Checks a token offline, opening no connection. Throws RouterError: `cashu_token_too_large`, `cashu_token_invalid` (as
 * `UnknownKeyset` where a refresh may help), `cashu_mint_not_accepted`, `cashu_unit_not_accepted` (anything but sat) or
 * `cashu_token_zero_value`. Locked coins (NUT-10) are refused as invalid.
 */
export function parseToken(
  text: string,
  mints: Mints,
  crypto: Crypto,
  limits: TokenTextLimits = HEADER_TOKEN_LIMITS,
): IncomingToken {
  const token = readTokenText(text, limits);
  const mint = mints.byUrl(token.mint);
  if (mint === undefined) {
    throw new RouterError('cashu_mint_not_accepted', 'Tokens of this mint are not accepted here.');
  }
  if (token.unit !== ACCEPTED_UNIT) throw unitNotAccepted();

  const keysets = token.proofs.map((proof) => keysetOf(proof, mint, mints));
  const amount = token.proofs.reduce((sum, proof) => sum + proof.amount, 0n);
  if (amount > MAX_TOKEN_SAT) throw invalid('The token claims more sat than exist.');
  const fee = feeOf(keysets);
  if (amount <= fee) {
    throw new RouterError(
      'cashu_token_zero_value',
      'The token is worth no more than its mint fee.',
    );
  }

  refuseDuplicates(token.proofs);
  const proofs = token.proofs.map((proof, i) => checkedProof(proof, keysets[i], crypto));
  return { mint, unit: ACCEPTED_UNIT, proofs, amount, fee, accountId: accountIdOf(proofs) };
}

/** `parseToken`, and once more after asking the mint when it has a keyset we do not know (rate limited by `refresh`). */
export async function parseTokenFresh(
  text: string,
  mints: Mints,
  crypto: Crypto,
  limits: TokenTextLimits = HEADER_TOKEN_LIMITS,
): Promise<IncomingToken> {
  try {
    return parseToken(text, mints, crypto, limits);
  } catch (error) {
    if (!(error instanceof UnknownKeyset)) throw error;
    await mints.refresh(error.mint);
  }
  return parseToken(text, mints, crypto, limits);
}

/**
 * A cashuB token of coins of one mint, without DLEQ (it would double the size), with short keyset ids as NUT-00 asks; mints
 * whose short ids are ambiguous are not admitted, so every receiver can expand them.
 */
export function encodeToken(token: {
  readonly mintUrl: string;
  readonly unit: string;
  readonly proofs: readonly {
    readonly keyset: string;
    readonly amount: bigint;
    readonly secret: string;
    readonly C: Uint8Array;
  }[];
}): string {
  return getEncodedToken({
    mint: token.mintUrl,
    unit: token.unit,
    proofs: token.proofs.map(({ keyset, amount, secret, C }) => ({
      id: keyset,
      amount: Amount.from(amount),
      secret,
      C: hexOf(C),
    })),
  });
}

/** The keyset of a proof among those of its own mint; P7: another mint's keysets and units do not count. */
function keysetOf(proof: ProofText, mint: Mint, mints: Mints): Keyset {
  const matches = mint.keysetsMatching(proof.keyset);
  const [keyset] = matches;
  if (keyset === undefined) throw new UnknownKeyset(mint);
  if (matches.length > 1) throw invalid('The token has an ambiguous short keyset id.');
  if (keyset.unit !== ACCEPTED_UNIT) throw unitNotAccepted();
  if (mints.isExpired(keyset)) throw invalid('The token has coins of an expired keyset.');
  if (!keyset.keys.has(proof.amount))
    throw invalid('The token has a coin of an amount that its mint does not issue.');
  return keyset;
}

function checkedProof(proof: ProofText, keyset: Keyset | undefined, crypto: Crypto): IncomingProof {
  const key = keyset?.keys.get(proof.amount);
  if (keyset === undefined || key === undefined) throw new TypeError('a proof without its keyset');
  if (isLocked(proof.secret)) {
    throw invalid('The token is locked (NUT-10); only plain tokens are accepted.');
  }
  if (!crypto.isPoint(proof.C)) throw invalid('The token has a coin with a malformed signature.');
  const secret = Buffer.from(proof.secret, 'utf8');
  if (proof.dleq !== undefined && !isProven(secret, proof, key, crypto)) {
    throw invalid('The token has a coin that its mint did not sign (DLEQ).');
  }
  return { ...proof, keyset: keyset.id, y: crypto.hashToCurve(secret) };
}

function isProven(secret: Uint8Array, proof: ProofText, key: Uint8Array, crypto: Crypto): boolean {
  const { dleq, C } = proof;
  if (dleq === undefined) return false;
  const isWhole = [dleq.e, dleq.s, dleq.r].every((scalar) => scalar.length === 32);
  return isWhole && crypto.verifyProofDleq({ secret, C }, key, dleq);
}

/** Mints disagree about odd NUT-10 secrets, so whatever looks like one counts as locked. */
function isLocked(secret: string): boolean {
  return secret.replaceAll('\0', '').trimStart().startsWith('[');
}

/** Secrets are well-formed text, so different ones have different bytes and different Ys. */
function refuseDuplicates(proofs: readonly ProofText[]): void {
  const secrets = new Set(proofs.map(({ secret }) => secret));
  if (secrets.size < proofs.length) throw invalid('The token has the same coin twice.');
}

function unitNotAccepted(): RouterError {
  return new RouterError(
    'cashu_unit_not_accepted',
    `Only tokens of unit ${ACCEPTED_UNIT} are accepted.`,
  );
}

function invalid(message: string): RouterError {
  return new RouterError('cashu_token_invalid', message);
}
