import { parseChatRequest } from '../openai/chat-request.ts';
import type { ChatRequest } from '../openai/chat-request.ts';
import { refusePriceBearing } from '../openai/price-bearing.ts';
import { createQuote } from '../pricing/create-quote.ts';
import type { Quote } from '../pricing/quote.ts';
import { promptBound } from '../tokens/byte-bound.ts';
import { candidatesOf } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import type { Offer } from './offer.ts';
import { noUpstream } from './refusal.ts';

/** A request that we would serve, and for how much. Nothing has been taken for it yet. */
export interface Order {
  readonly request: ChatRequest;
  /** At least one, in the order in which they are tried. */
  readonly offers: readonly Offer[];
  readonly quote: Quote;
  /** More tokens than the prompt can have. */
  readonly inputTokens: number;
  /** The most output tokens, over all choices, that it is priced for. */
  readonly outputTokens: number;
  /** Our own count of the prompt, for upstreams that tell none. */
  countInput(): Promise<number>;
}

export interface OrderParts {
  readonly catalog: Catalog;
  /** Counts texts as the tokenizer of this model does, or nearly. `use`: whether somebody pays for it yet. */
  readonly countTokens: (
    texts: readonly string[],
    model: string,
    use: 'quote' | 'charge',
  ) => Promise<number>;
  /** A request is served only if it can pay for so many output tokens of every choice, or for all it asks for. */
  readonly floorOutputTokens: number;
}

/** None: what an upstream may bill for in its own ways, we have no price for. */
const PRICED_FIELDS: ReadonlySet<string> = new Set();

/** Bound of what an image costs in tokens: the patch models of OpenAI, the dearest but one, count 3,779. */
const TOKENS_PER_IMAGE = 4_096;
/** Of plain text; good enough to compare prices. */
const BYTES_PER_TOKEN = 4;
/** Other vocabularies than ours need up to so many tokens per token of ours. */
const FOREIGN_TOKENS = 1.25;
/** OpenAI's own accounting of the frame of a message, and of the start of the answer. */
const TOKENS_PER_MESSAGE = 4;
const TOKENS_OF_PRIMING = 3;

/** Reads and prices a request. Throws RouterError with everything that is wrong about it. */
export function readOrder(parts: OrderParts, body: Buffer): Order {
  const request = parseChatRequest(body, { allowRemoteImages: true });
  refusePriceBearing(request, PRICED_FIELDS);
  const model = parts.catalog.find(request.model);
  const offers = thatTakeImages(
    request,
    candidatesOf(model, {
      inputTokens: Math.ceil(request.textBytes / BYTES_PER_TOKEN),
      outputTokens: request.maxOutput ?? outputLimitOf(model.offers),
      images: request.imageCount,
    }),
  );
  if (offers.length === 0) throw noUpstream();
  const bound = inputBound(request, request.textBytes);
  const outputTokens = outputBound(request, offers);
  const countText = (use: 'quote' | 'charge'): Promise<number> =>
    parts.countTokens(request.texts(), request.model, use);
  const quote = createQuote({
    snapshot: model.dearest,
    input: {
      boundTokens: bound,
      async exact() {
        const tokens = Math.ceil((await countText('quote')) * FOREIGN_TOKENS);
        return Math.min(bound, inputBound(request, tokens));
      },
    },
    images: request.imageCount,
    choices: request.n,
    outputTokens,
    floorOutputTokens: parts.floorOutputTokens,
  });
  const frame = request.messageCount * TOKENS_PER_MESSAGE + TOKENS_OF_PRIMING;
  return {
    request,
    offers,
    quote,
    inputTokens: bound,
    outputTokens: outputTokens * request.n,
    countInput: async () => (await countText('charge')) + frame,
  };
}

function inputBound(request: ChatRequest, textBytes: number): number {
  const imageTokens = request.imageCount * TOKENS_PER_IMAGE;
  return promptBound({ textBytes, messages: request.messageCount, imageTokens });
}

/** The most output tokens of one choice: no provider gives more than its own limit, where we know it. */
function outputBound(request: ChatRequest, offers: readonly Offer[]): number {
  if (request.maxOutput === undefined) return outputLimitOf(offers);
  const isKnown = offers.every(({ maxOutput }) => maxOutput !== undefined);
  return isKnown ? Math.min(request.maxOutput, outputLimitOf(offers)) : request.maxOutput;
}

function outputLimitOf(offers: readonly Offer[]): number {
  return Math.max(...offers.map((offer) => offer.maxOutput ?? offer.assumedMaxOutput));
}

/** Offers that let their upstream fetch images, where the request names such. Throws when there is none. */
function thatTakeImages(request: ChatRequest, offers: readonly Offer[]): readonly Offer[] {
  if (request.imageCount === 0 || offers.every((offer) => offer.allowRemoteImages)) return offers;
  try {
    parseChatRequest(request.body, { allowRemoteImages: false });
    return offers;
  } catch (error) {
    const able = offers.filter((offer) => offer.allowRemoteImages);
    if (able.length === 0) throw error;
    return able;
  }
}
