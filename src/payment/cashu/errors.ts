import type { AccountRow } from '../../ledger/sql.ts';
import { ceilToSat } from '../../lib/amount.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Quote } from '../../pricing/quote.ts';

export const REFUND_PATH = '/v1/wallet/refund';

/** 402 in the words that existing clients read. */
export function insufficient(
  quote: Quote,
  account: Pick<AccountRow, 'balance_msat' | 'held_msat'>,
): RouterError {
  const available = account.balance_msat - account.held_msat;
  return new RouterError(
    'insufficient_balance',
    `Insufficient balance: ${quote.floor} mSats required. ${available} available. (reserved: ${account.held_msat})`,
    {
      fields: {
        amount_required_msat: Number(quote.floor),
        amount_required_sat: Number(ceilToSat(quote.floor)),
        balance_msat: Number(available),
        refund_url: REFUND_PATH,
      },
    },
  );
}

export function inUse(): RouterError {
  return new RouterError(
    'balance_in_use',
    'Other requests of this token hold its balance; try again when one of them has ended.',
    { retryAfterS: 2 },
  );
}

export function payerGone(): RouterError {
  return new RouterError('payer_gone', 'The client closed the connection.');
}

export function changeOutstanding(): RouterError {
  return new RouterError(
    'change_outstanding',
    `The change of this token was handed out. Pay with that change, or fetch it again: POST ${REFUND_PATH} with this token.`,
    { fields: { refund_url: REFUND_PATH } },
  );
}

export function changeSpent(): RouterError {
  return new RouterError(
    'change_spent',
    'The change of this token was spent elsewhere; there is nothing left on it to pay with.',
    { fields: { refund_url: REFUND_PATH } },
  );
}
