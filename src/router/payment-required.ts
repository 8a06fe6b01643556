import { ceilToSat } from '../lib/amount.ts';
import { RouterError } from '../lib/errors.ts';
import type { PaymentRail } from '../payment/rail.ts';
import type { Quote } from '../pricing/quote.ts';

/** A 402 with every rail's challenge, in the order of the rails, and the price. What `error` itself carries stays. */
export async function withChallenges(
  rails: readonly PaymentRail[],
  quote: Quote,
  error: RouterError,
): Promise<RouterError> {
  const challenges = await Promise.all(rails.map((rail) => rail.challenge(quote)));
  const lines = new Map<string, string[]>();
  for (const [name, value] of challenges.flatMap(({ headers }) => headers)) {
    const values = lines.get(name) ?? [];
    values.push(value);
    lines.set(name, values);
  }
  return new RouterError(error.code, error.message, {
    cause: error.cause,
    status: error.status,
    headers: { 'cache-control': 'no-store', ...Object.fromEntries(lines), ...error.headers },
    fields: {
      price: await priceOf(quote),
      ...Object.assign({}, ...challenges.map(({ fields }) => fields)),
      ...error.fields,
    },
    ...(error.param !== undefined && { param: error.param }),
    ...(error.retryAfterS !== undefined && { retryAfterS: error.retryAfterS }),
  });
}

/** `amount` sat serve the request well; it costs at most `max_msat`. More than it costs comes back. */
async function priceOf(quote: Quote): Promise<object> {
  const exact = await quote.refine();
  return {
    amount: Number(ceilToSat(exact.modest)),
    unit: 'sat',
    max_msat: Number(exact.wanted),
    model: exact.snapshot.model,
  };
}
