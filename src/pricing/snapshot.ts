/**
 * The prices a request is held and charged at, frozen when the hold is taken. Per-token prices are in pico-msat (10^-12 msat)
 * per token, quantised up once when the exchange rate refreshes; everything after is exact integer arithmetic.
 */
export interface PriceSnapshot {
  /** The public model id and the id of the provider whose price this is. */
  readonly model: string;
  readonly provider: string;
  readonly inputPmsat: bigint;
  readonly cachedInputPmsat: bigint;
  readonly outputPmsat: bigint;
  /** Price of an output token that is reasoning; equals `outputPmsat` unless the provider says otherwise. */
  readonly reasoningPmsat: bigint;
  /** Per image part in the prompt. */
  readonly imagePmsat: bigint;
  /** Per request, in pico-msat. */
  readonly requestPmsat: bigint;
  /** What buying one answer costs beside its price (mint fees, dust), in pico-msat; zero where answers are not bought with ecash. */
  readonly purchasePmsat: bigint;
  /** No charge for a served request is below this, in pico-msat. */
  readonly minimumPmsat: bigint;
  /** Pico-msat per US dollar at which the prices were made; undefined when the provider prices in sat and no rate was needed. */
  readonly usdPmsat: bigint | undefined;
}

export const PMSAT_PER_MSAT = 1_000_000_000_000n;
