import { RouterError } from '../lib/errors.ts';
import { parseChatRequest } from '../openai/chat-request.ts';
import type { ChatRequest } from '../openai/chat-request.ts';
import { refusePriceBearing } from '../openai/price-bearing.ts';
import { ROUTING_FIELDS } from '../openai/routing-preferences.ts';
import { createQuote } from '../pricing/create-quote.ts';
import type { Quote } from '../pricing/quote.ts';
import { promptBound } from '../tokens/byte-bound.ts';
import { candidatesAmong } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import type { Incoming } from './incoming.ts';
import type { Offer, ServedModel } from './offer.ts';
import { readWishes } from './preferences.ts';
import type { Wishes } from './preferences.ts';
import type { Routing } from './routing.ts';

/** A request that we would serve, and for how much. Nothing has been taken for it yet. */
export interface Order {
  readonly request: ChatRequest;
  /** At least one, in the order in which they are tried. */
  readonly offers: readonly Offer[];
  readonly quote: Quote;
  readonly wishes: Wishes;
  /** More tokens than the prompt can have. */
  readonly inputTokens: number;
  /** The most output tokens, over all choices, that it is priced for. */
  readonly outputTokens: number;
  /** Our own count of the prompt, for upstreams that tell none. */
  countInput(): Promise<number>;
}

export interface OrderParts {
  readonly catalog: Catalog;
  readonly routing: Routing;
  /** Counts texts as the tokenizer of this model does, or nearly. `use`: whether somebody pays for it yet. */
  readonly countTokens: (
    texts: readonly string[],
    model: string,
    use: 'quote' | 'charge',
  ) => Promise<number>;
  /** A request is served only if it can pay for so many output tokens of every choice, or for all it asks for. */
  readonly floorOutputTokens: number;
}

/** Bound of what an image costs in tokens: the patch models of OpenAI, the dearest but one, count 3,779. */
const TOKENS_PER_IMAGE = 4_096;
/** Of plain text; good enough to compare prices. */
const BYTES_PER_TOKEN = 4;
/** Other vocabularies than ours need up to so many tokens per token of ours. */
const FOREIGN_TOKENS = 1.25;
/** Of one answer; no model gives more, and what 128 of them cost is still counted exactly. */
const MAX_OUTPUT_TOKENS = 1_000_000_000;
/** OpenAI's own accounting of the frame of a message, and of the start of the answer. */
const TOKENS_PER_MESSAGE = 4;
const TOKENS_OF_PRIMING = 3;

/** Reads and prices a request. Throws RouterError with everything that is wrong about it. */
export function readOrder(
  parts: OrderParts,
  { body, hops, credentials }: Pick<Incoming, 'body' | 'hops' | 'credentials'>,
): Order {
  const request = parseChatRequest(body, { allowRemoteImages: true });
  // What an upstream may bill for in its own ways, we have no price for.
  refusePriceBearing(request, ROUTING_FIELDS);
  const wishes = readWishes(request, credentials.headers);
  const models = modelsOf(parts.catalog, request, wishes);
  const wanted = {
    inputTokens: Math.ceil(request.textBytes / BYTES_PER_TOKEN),
    boundTokens: inputBound(request, request.textBytes),
    maxOutput: request.maxOutput,
    choices: request.n,
    images: request.imageCount,
    remoteImages: namesImages(request, models),
    hops,
    wishes,
  };
  const offers = candidatesAmong(models, wanted, parts.routing);
  const bound = wanted.boundTokens;
  const outputTokens = outputBound(request, offers);
  const countText = (use: 'quote' | 'charge'): Promise<number> =>
    parts.countTokens(request.texts(), request.model, use);
  const quote = createQuote({
    snapshot: parts.catalog.dearest(models[0], offers),
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
    wishes,
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
  return Math.min(request.maxOutput, isKnown ? outputLimitOf(offers) : MAX_OUTPUT_TOKENS);
}

function outputLimitOf(offers: readonly Offer[]): number {
  return Math.max(...offers.map((offer) => offer.maxOutput ?? offer.assumedMaxOutput));
}

/** The model that is asked for, then its fallbacks, each once. Throws when none of them is known. */
function modelsOf(
  catalog: Catalog,
  request: ChatRequest,
  { preferences }: Wishes,
): readonly [ServedModel, ...ServedModel[]] {
  if (preferences.models.length === 0) return [catalog.find(request.model)];
  // Two names may be spellings of one model.
  const found = new Set<ServedModel>();
  let fault: unknown;
  for (const id of [request.model, ...preferences.models]) {
    try {
      found.add(catalog.find(id));
    } catch (error) {
      if (!(error instanceof RouterError)) throw error;
      fault ??= error;
    }
  }
  const [first, ...others] = found;
  if (first === undefined) throw fault;
  return [first, ...others];
}

/** The request names images that an upstream would have to fetch. Throws when no provider of the models does that. */
function namesImages(request: ChatRequest, models: readonly ServedModel[]): boolean {
  if (request.imageCount === 0) return false;
  if (models.every(({ offers }) => offers.every((offer) => offer.allowRemoteImages))) return false;
  try {
    parseChatRequest(request.body, { allowRemoteImages: false });
    return false;
  } catch (error) {
    const isTaken = models.some(({ offers }) => offers.some((offer) => offer.allowRemoteImages));
    if (!isTaken) throw error;
    return true;
  }
}
