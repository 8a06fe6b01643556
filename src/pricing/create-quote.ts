import type { Msat } from '../lib/amount.ts';
import type { Usage } from '../tokens/usage.ts';
import { chargeOf, exactPriceOf } from './charge.ts';
import type { Quote } from './quote.ts';
import type { PriceSnapshot } from './snapshot.ts';
import { PMSAT_PER_MSAT } from './snapshot.ts';

/** With so many tokens for each choice most answers are complete. */
const MODEST_OUTPUT_TOKENS = 1_024;

/** What a request may use. Token counts are safe non-negative integers. */
export interface QuoteRequest {
  readonly snapshot: PriceSnapshot;
  readonly input: {
    /** More tokens than the prompt can have. */
    readonly boundTokens: number;
    /** Counts the prompt; asked at most once. */
    exact(): Promise<number>;
  };
  /** Image parts of the prompt. */
  readonly images: number;
  /** How many answers it asks for (`n`), at least 1. */
  readonly choices: number;
  /** The most output tokens of one choice. */
  readonly outputTokens: number;
  /** A request is served only if it can pay for so many output tokens of every choice, or for all it asks for. */
  readonly floorOutputTokens: number;
}

/** Prices a request before it is served, at the worst that its usage can turn out to be. Throws RangeError for wrong counts. */
export function createQuote(request: QuoteRequest): Quote {
  let refined: Promise<Quote> | undefined;
  const refine = async (): Promise<Quote> => createExactQuote(request, await request.input.exact());
  return {
    ...limitsOf(request, request.input.boundTokens),
    refine: () => (refined ??= refine()),
  };
}

function createExactQuote(request: QuoteRequest, inputTokens: number): Quote {
  const quote: Quote = {
    ...limitsOf(request, inputTokens),
    refine: () => Promise.resolve(quote),
  };
  return quote;
}

function limitsOf(request: QuoteRequest, inputTokens: number): Omit<Quote, 'refine'> {
  const { snapshot, images, choices, outputTokens } = request;
  const usageWith = (output: number): Usage =>
    dearestUsage(snapshot, { input: inputTokens, output, images });
  const chargeWith = (perChoice: number): Msat =>
    chargeOf(snapshot, usageWith(Math.min(perChoice, outputTokens) * choices));
  const wanted = chargeWith(outputTokens);
  return {
    snapshot,
    wanted,
    modest: chargeWith(MODEST_OUTPUT_TOKENS),
    floor: chargeWith(request.floorOutputTokens),
    outputTokensWithin(held) {
      if (held >= wanted) return undefined;
      if (held < chargeWith(0)) return 0;
      // From here on the minimum is paid for, and each token adds the same.
      const fixed = exactPriceOf({ ...snapshot, minimumPmsat: 0n }, usageWith(0));
      return Number((held * PMSAT_PER_MSAT - fixed) / dearestOutputPmsat(snapshot));
    },
  };
}

/** The dearest way to spend these tokens: nobody knows yet what will be cached or reasoning. */
export function dearestUsage(
  snapshot: PriceSnapshot,
  { input, output, images }: Pick<Usage, 'input' | 'output' | 'images'>,
): Usage {
  return {
    input,
    cachedInput: snapshot.cachedInputPmsat > snapshot.inputPmsat ? input : 0,
    output,
    reasoning: snapshot.reasoningPmsat > snapshot.outputPmsat ? output : 0,
    images,
  };
}

/** Not zero where some output is wanted but not affordable. */
function dearestOutputPmsat({ outputPmsat, reasoningPmsat }: PriceSnapshot): bigint {
  return reasoningPmsat > outputPmsat ? reasoningPmsat : outputPmsat;
}
