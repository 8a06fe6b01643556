import { RouterError } from '../lib/errors.ts';
import type { Payment, PaymentRail } from '../payment/rail.ts';
import type { Quote } from '../pricing/quote.ts';
import type { Incoming } from './incoming.ts';
import { withChallenges } from './payment-required.ts';

/** The payment of the first rail that finds itself addressed. Rejects with RouterError; a 402 carries every rail's challenge. */
export async function pay(
  rails: readonly PaymentRail[],
  incoming: Incoming,
  quote: Quote,
): Promise<Payment> {
  try {
    for (const rail of rails) {
      const accepted = rail.accept(incoming.credentials, quote, incoming.gone);
      if (accepted !== undefined) return await accepted;
    }
  } catch (error) {
    if (!(error instanceof RouterError) || error.status !== 402) throw error;
    throw await withChallenges(rails, quote, error);
  }
  const unpaid = new RouterError(
    'payment_required',
    'Payment required: send a Cashu token as the API key (Authorization: Bearer cashuB...) or as X-Cashu.',
  );
  throw await withChallenges(rails, quote, unpaid);
}
