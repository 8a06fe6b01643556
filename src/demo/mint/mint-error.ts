/** The codes of the NUTs' error_codes.md that this mint answers with. */
const MINT_ERRORS = {
  invalidProof: 10001,
  alreadySpent: 11001,
  pending: 11002,
  alreadySigned: 11003,
  unbalanced: 11005,
  duplicateInputs: 11007,
  duplicateOutputs: 11008,
  manyUnits: 11009,
  otherUnit: 11010,
  tooManyInputs: 11014,
  tooManyOutputs: 11015,
  unknownKeyset: 12001,
  inactiveKeyset: 12002,
  quoteNotPaid: 20001,
  alreadyIssued: 20002,
  paymentFailed: 20004,
  quotePending: 20005,
  alreadyPaid: 20006,
  unknownQuote: 20007,
  badSignature: 20008,
} as const;

/** A refusal that reaches the wallet as `{detail, code}` with HTTP 400. Nothing was done. */
export class MintError extends Error {
  override readonly name = 'MintError';
  readonly code: number;

  constructor(kind: keyof typeof MINT_ERRORS, detail: string) {
    super(detail);
    this.code = MINT_ERRORS[kind];
  }
}

/** A body that is not the shape the NUTs ask for: HTTP 422, no code. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}
