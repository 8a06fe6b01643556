import type { ChatRequest } from '../openai/chat-request.ts';
import { spliceBody } from '../openai/splice.ts';
import type { BodyChanges } from '../openai/splice.ts';
import type { Payment } from '../payment/rail.ts';
import type { Offer } from './offer.ts';
import type { Order } from './order.ts';

/** The output tokens, over all choices, that the hold affords; undefined when it covers all the request asks for. */
export function outputCap(order: Order, payment: Payment): number | undefined {
  const { maxOutputTokens } = payment;
  // At least one for each choice: upstreams refuse a limit of 0. The rail's floor lies above that.
  return maxOutputTokens === undefined ? undefined : Math.max(order.request.n, maxOutputTokens);
}

/** The output limit of each choice where `cap` tokens are for all; undefined when it is no narrower than the request's own. */
export function imposedLimit({ maxOutput, n }: ChatRequest, cap: number): number | undefined {
  const each = Math.max(1, Math.floor(cap / n));
  return maxOutput !== undefined && maxOutput <= each ? undefined : each;
}

/** The bytes for one offer: as they came, but for its name of the model, a binding output limit, and usage in the stream. */
export function bodyFor(order: Order, offer: Offer, imposed: number | undefined): Buffer {
  const { request } = order;
  const limit = limitFor(request, offer, imposed);
  const changes: BodyChanges = {
    ...(offer.upstreamModel !== request.model && { model: offer.upstreamModel }),
    ...(limit !== undefined && { maxTokens: { field: offer.maxOutputField, value: limit } }),
    ...(request.stream && { includeUsage: true }),
  };
  return spliceBody(request, changes);
}

/** What must be written into the body; undefined when the payer's own limit binds already. */
function limitFor(
  request: ChatRequest,
  offer: Offer,
  imposed: number | undefined,
): number | undefined {
  if (request.maxOutput === undefined) {
    const offered = offer.maxOutput ?? offer.assumedMaxOutput;
    return imposed === undefined ? offered : Math.min(imposed, offered);
  }
  return imposed;
}
