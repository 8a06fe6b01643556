import { ZERO_MSAT } from '../lib/amount.ts';
import { RouterError } from '../lib/errors.ts';
import type { Payment } from '../payment/rail.ts';
import { deliver } from './delivery.ts';
import { endAnswer } from './ending.ts';
import type { Incoming } from './incoming.ts';
import { readOrder } from './order.ts';
import type { Order } from './order.ts';
import { pay } from './pay.ts';
import { refused } from './report.ts';
import type { Report } from './report.ts';
import type { Sink } from './sink.ts';
import type { RouterParts } from './work.ts';

/**
 * The one path of a request: price, pay, route, meter, settle, change. Answers through `sink` and tells what became of it.
 * Never rejects.
 */
export async function complete(
  parts: RouterParts,
  incoming: Incoming,
  sink: Sink,
): Promise<Report> {
  let order: Order | undefined;
  let payment: Payment;
  try {
    order = readOrder(parts, incoming);
    payment = await pay(parts.rails, incoming, order.quote);
  } catch (thrown) {
    // Nothing was taken, or what was taken is safe on an account.
    const error = routerErrorOf(thrown);
    sink.fail(error, undefined);
    const model = order?.request.model;
    return { ...refused(error), model, payerGone: incoming.gone.cancelled };
  }

  const delivery = await deliver({ parts, incoming, sink, order, payment });

  // Every exit after payment arrives here, exactly once: success, upstream failure, payer gone, shutdown.
  const payerGone = incoming.gone.cancelled;
  const { offer, attempts, charge } = delivery;
  const report = {
    model: order.request.model,
    provider: offer?.provider,
    attempts,
    charge,
    payerGone,
    error: delivery.error,
  };
  try {
    const settlement = await payment.settle({ charge, payerGone, error: delivery.error?.code });
    endAnswer(sink, delivery, settlement);
    return { ...report, charge: settlement.charge };
  } catch (thrown) {
    // The hold stays with its lease: the next start charges what was metered.
    const error = routerErrorOf(thrown);
    sink.fail(error, undefined);
    return { ...report, charge: ZERO_MSAT, error };
  }
}

function routerErrorOf(thrown: unknown): RouterError {
  if (thrown instanceof RouterError) return thrown;
  return new RouterError('internal_error', 'Something went wrong on our side.', { cause: thrown });
}
