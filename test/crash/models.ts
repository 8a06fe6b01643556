/** What the router of a crash test sells, and an oracle of what it may charge: it shares nothing with `src/pricing`. */

/** sat per million tokens, and sat per request; odd on purpose, so that nearly every charge is rounded. */
export const PRICE = {
  unit: 'sat',
  input: 20_033.3,
  output: 150_070.7,
  request: 0.3,
} as const;

export interface ServedModel {
  readonly id: string;
  /** Names of the demo model, in the order in which its providers are tried. */
  readonly attempts: readonly string[];
}

const ANSWER = 'demo-model?answerTokens=';

export const MODELS: readonly ServedModel[] = [
  { id: 'quick', attempts: [`${ANSWER}12`] },
  { id: 'plain', attempts: [`${ANSWER}60&msPerChunk=2`] },
  { id: 'slow', attempts: [`${ANSWER}100&msPerChunk=30`] },
  { id: 'long', attempts: [`${ANSWER}250&msPerChunk=20`] },
  { id: 'late', attempts: [`${ANSWER}20&firstByteMs=500`] },
  { id: 'uncounted', attempts: [`${ANSWER}30&usage=none`] },
  { id: 'broken', attempts: [`${ANSWER}40&resetAfter=8&msPerChunk=5`] },
  { id: 'refusing', attempts: [`${ANSWER}10&status=500`] },
  { id: 'failover', attempts: [`${ANSWER}20&resetAfter=0`, `${ANSWER}20`] },
];

/** What payers ask for of who has the models; some more often than others. */
export const MIX =
  'quick quick quick plain plain slow long late uncounted broken refusing failover'.split(' ');
/** And of who buys them: all are one provider there, which is left alone for a while when it fails too often. */
export const BOUGHT_MIX =
  'quick quick quick quick plain plain slow long late uncounted broken failover'.split(' ');

export const PROMPTS = [
  'What is a coin?',
  'Tell me about ecash, blind signatures and what a mint may know of its users.',
  `Explain in detail: ${'the router crashes and nothing is lost. '.repeat(12)}`,
] as const;

export interface TokenUsage {
  readonly input: number;
  readonly output: number;
}

/** What a router may charge, msat. */
export interface Prices {
  least(usage: TokenUsage): number;
  most(usage: TokenUsage): number;
  /** The least that is owed for output tokens that were sent. */
  outputWorth(output: number): number;
}

/** The exact price in 1/10,000 msat. */
export function priceOf({ input, output }: TokenUsage): bigint {
  return BigInt(input) * 200_333n + BigInt(output) * 1_500_707n + 3_000_000n;
}

/** The price rounded up to msat: what a charge for this usage is. */
export function chargeFor(usage: TokenUsage): number {
  return Number((priceOf(usage) + 9_999n) / 10_000n);
}

/** Msat of output alone, rounded down: the least that is owed for tokens that were sent. */
export function outputWorth(output: number): number {
  return Number((BigInt(output) * 1_500_707n) / 10_000n);
}

/** Of who has the models. */
export const SOLD: Prices = { least: chargeFor, most: chargeFor, outputWorth };

/** What a router that buys them puts on the price. */
export const MARKUP = 1.1;
/** More than the mints' fees and the dust of any purchase that was made for one request alone. */
const MAX_OVERHEAD_MSAT = 12_000;

/** Of who buys them. */
export const RESOLD: Prices = {
  least: marked,
  most: (usage) => marked(usage) + MAX_OVERHEAD_MSAT,
  outputWorth: (output) => Number((BigInt(output) * 1_500_707n * 11n) / 100_000n),
};

/** The price with the markup, rounded up. */
function marked(usage: TokenUsage): number {
  return Number((priceOf(usage) * 11n + 99_999n) / 100_000n);
}
