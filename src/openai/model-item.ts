/** Prices per token or per piece. */
export interface ModelPrices {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly reasoning: number;
  readonly image: number;
  readonly request: number;
}

export interface ModelFacts {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly contextLength: number;
  readonly maxOutput: number | undefined;
  readonly takesImages: boolean;
  readonly usd: ModelPrices;
  readonly sat: ModelPrices;
  /** The most that one request can be asked to hold, in sat. */
  readonly maxCostSat: {
    readonly prompt: number;
    readonly completion: number;
    readonly total: number;
  };
}

export type ModelItem = Readonly<Record<string, unknown>> & { readonly id: string };

/** An entry of `/v1/models` with every field that some client cannot do without. Prices are numbers, never null. */
export declare function modelItem(facts: ModelFacts): ModelItem;
