/** How much is measured: all of it takes about five minutes, `--quick` about one. */
export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly pacedSeconds: number;
  readonly warmUpSeconds: number;
  readonly tries: number;
  readonly freshTokens: number;
  /** Nodes on the relays of the market. */
  readonly providers: number;
}

export const FULL: Plan = {
  rounds: 3,
  seconds: 2,
  pacedSeconds: 5,
  warmUpSeconds: 15,
  tries: 10,
  freshTokens: 600,
  providers: 10_000,
};

export const QUICK: Plan = {
  rounds: 1,
  seconds: 1.5,
  pacedSeconds: 2.5,
  warmUpSeconds: 5,
  tries: 4,
  freshTokens: 150,
  providers: 2_000,
};
