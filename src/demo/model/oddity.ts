/** How one answer departs from a good one. Nothing set: a good answer. Chunks are SSE events, or halves of a JSON body. */
export interface Oddity {
  /** Answers with this status and OpenAI's error body. */
  readonly status?: number | undefined;
  /** `Retry-After` of that error. */
  readonly retryAfterS?: number | undefined;
  /** Resets the connection after so many chunks; 0: before the headers. */
  readonly resetAfter?: number | undefined;
  /** Says nothing more after so many chunks, until `release()`; 0: before the headers. */
  readonly hangAfter?: number | undefined;
  /** Sends an error event after so many chunks and ends; a JSON answer carries the error with status 200. */
  readonly errorAfter?: number | undefined;
  /** `none`: no usage at all; `insane`: impossible numbers; `last-content`: on the chunk with the finish reason. */
  readonly usage?: 'none' | 'insane' | 'last-content' | undefined;
  /** This JSON text as the usage. */
  readonly rawUsage?: string | undefined;
  /** A 200 with an HTML page. */
  readonly html?: boolean | undefined;
  /** A JSON completion although a stream was asked for. */
  readonly json?: boolean | undefined;
  /** The stream in one piece with a Content-Length. */
  readonly contentLength?: boolean | undefined;
  readonly gzip?: boolean | undefined;
  /** Lines end in CRLF. */
  readonly crlf?: boolean | undefined;
  /** Bytes leave in pieces of 1 to 7, across characters and lines. */
  readonly splitBytes?: boolean | undefined;
  /** No finish reason, and no `[DONE]`. */
  readonly noFinish?: boolean | undefined;
  /** Money in the answer: `x_cashu` in the body and the last chunk, `X-Cashu` in the headers. */
  readonly xCashu?: string | undefined;
  /** So many tokens of `reasoning_content` before the content. */
  readonly reasoning?: number | undefined;
  /** Tokens of the answer, rounded up to whole sentences. */
  readonly answerTokens?: number | undefined;
  readonly msPerChunk?: number | undefined;
  readonly firstByteMs?: number | undefined;
}

const NUMBERS = [
  'status',
  'retryAfterS',
  'resetAfter',
  'hangAfter',
  'errorAfter',
  'reasoning',
  'answerTokens',
  'msPerChunk',
  'firstByteMs',
] as const;
const FLAGS = ['html', 'json', 'contentLength', 'gzip', 'crlf', 'splitBytes', 'noFinish'] as const;
const KNOWN: ReadonlySet<string> = new Set([...NUMBERS, ...FLAGS, 'usage', 'rawUsage', 'xCashu']);
/** More than any context window; keeps a typing error from filling the memory. */
const MAX_NUMBER = 2_000_000;

/** Reads `resetAfter=2&crlf=true`, the form used after `?` in a model name and in the header. Throws RangeError on anything unknown. */
export function parseOddity(text: string): Oddity {
  const given = new URLSearchParams(text);
  for (const name of given.keys()) {
    if (!KNOWN.has(name)) throw new RangeError(`no such oddity: ${name}`);
  }
  const usage = given.get('usage') ?? undefined;
  if (usage !== undefined && !isUsageOddity(usage)) throw new RangeError('no such usage');
  return {
    ...Object.fromEntries(NUMBERS.map((name) => [name, parseNumber(given.get(name))])),
    ...Object.fromEntries(FLAGS.map((name) => [name, given.get(name) === 'true' || undefined])),
    usage,
    rawUsage: given.get('rawUsage') ?? undefined,
    xCashu: given.get('xCashu') ?? undefined,
  };
}

/** `later` wins where it says something. */
export function mergeOddities(earlier: Oddity, later: Oddity): Oddity {
  const said = Object.entries(later).filter(([, value]) => value !== undefined);
  return { ...earlier, ...Object.fromEntries(said) };
}

function isUsageOddity(text: string): text is 'none' | 'insane' | 'last-content' {
  return text === 'none' || text === 'insane' || text === 'last-content';
}

function parseNumber(text: string | null): number | undefined {
  if (text === null) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > MAX_NUMBER) {
    throw new RangeError('an oddity counts in whole numbers');
  }
  return value;
}
