/** One member of a JSON object, as offsets into its bytes. */
export interface Span {
  /** Unescaped. */
  readonly key: string;
  /** Offset of the key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Offset after the value's last byte. */
  readonly valueEnd: number;
}
