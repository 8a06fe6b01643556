import { RouterError } from '../lib/errors.ts';
import { parseTokenFresh, UnknownKeyset } from '../wallet/token.ts';
import type { IncomingToken } from '../wallet/token.ts';
import type { TreasuryOptions } from './parts.ts';
import { takeIn } from './take-in.ts';
import type { TakenIn } from './take-in.ts';
import type { Change, Collected } from './treasury.ts';

/** Change comes in a header or in the last chunk of an answer; a refund may be longer. */
const LIMITS = { maxChars: 256 * 1024, maxProofs: 256 };
const LANE_WAIT_MS = 15_000;
const LATER: Collected = { kind: 'later' };

/**
 * Swaps change of a node into the treasury (see Treasury.collect). Its inputs are foreign coins: the node that gave them knows
 * them too, and can take them back where it hears that they did not arrive. So the resolver only looks at such a swap, as at a
 * payer's; it is sent again when the token is collected again, which its holder does until it hears `applied` or `refused`.
 */
export async function collect(parts: TreasuryOptions, change: Change): Promise<Collected> {
  const { text, node, reference } = change;
  const token = await readToken(parts, text);
  if ('kind' in token) return token;
  const turn = { key: `node ${node}`, deadlineMs: parts.clock.now() + LANE_WAIT_MS };
  try {
    const from = { node, reference };
    return collectedOf(await takeIn(parts, { token, purpose: 'collect', from, turn }));
  } catch (error) {
    // The lane is full or closed, or another swap just spends these coins.
    if (error instanceof RouterError) return LATER;
    throw error;
  }
}

function collectedOf(taken: TakenIn): Collected {
  if (taken.kind === 'applied')
    return { kind: 'applied', grossSat: taken.row.input_amount, feeSat: taken.row.fee };
  if (taken.kind === 'open') return LATER;
  if (taken.verdict === 'spent') return { kind: 'refused', why: 'spent' };
  if (taken.verdict === 'rejected') return { kind: 'refused', why: 'invalid' };
  // `keyset`: ours for the outputs may be of yesterday. `unsent`: nothing was asked.
  return LATER;
}

async function readToken(
  { wallet, crypto }: TreasuryOptions,
  text: string,
): Promise<IncomingToken | Collected> {
  try {
    return await parseTokenFresh(text, wallet.mints, crypto, LIMITS);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    // Its mint may have a keyset that it could not tell us yet.
    if (error instanceof UnknownKeyset)
      return error.mint.away ? LATER : { kind: 'later', why: 'unknown keyset' };
    const isForeign = error.code === 'cashu_mint_not_accepted';
    return { kind: 'refused', why: isForeign ? 'foreign mint' : 'invalid' };
  }
}
