import { isObject, objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** What an upstream says went wrong, short and without its keys and account names. */
export interface UpstreamError {
  readonly message: string;
  readonly type: string | undefined;
  readonly param: string | undefined;
  readonly code: string | undefined;
}

const MAX_MESSAGE_LENGTH = 1000;
const MAX_WORD_LENGTH = 100;
const NO_REASON = 'The upstream gave no reason.';

/**
 * Account ids and keys (`org-a1b2...`, `sk-a1b2...`), also where stars hide a part, what is called a key, bearer tokens, ecash,
 * e-mail addresses, passwords in URLs.
 */
const PRIVATE: readonly RegExp[] = [
  /\b(?:sk|pk|rk|gsk|xai|hf|key|org|proj|project|user|acct|sess)[-_](?=[\w*.-]*[\d*])[\w*.-]{6,}/gi,
  /\bbearer\s+\S+/gi,
  /\b(?:api[-_]?key|secret|password)["']?\s*[=:]\s*["']?[^\s"'&,]+/gi,
  /cashu[AB][\w=+/-]{6,}/g,
  /(?<=:\/\/)[^\s/@]+@/g,
  /[\w.+-]+@[\w-]+\.[\w.-]+/g,
];

/**
 * Reads an error in any shape seen in the wild: OpenAI's, OpenRouter's (a number as code), FastAPI's `detail`, a bare
 * `message`. Never throws. `secrets` are blotted out wherever they stand.
 */
export function readUpstreamError(value: unknown, secrets: readonly string[] = []): UpstreamError {
  const error = errorIn(value);
  const say = (text: unknown, maxLength: number): string | undefined => {
    if (typeof text !== 'string' && typeof text !== 'number') return undefined;
    const open = secrets.reduce((known, secret) => known.replaceAll(secret, '***'), String(text));
    const hidden = PRIVATE.reduce((known, pattern) => known.replace(pattern, '***'), open);
    return hidden === '' ? undefined : hidden.slice(0, maxLength);
  };
  return {
    message: say(error['message'] ?? error['msg'], MAX_MESSAGE_LENGTH) ?? NO_REASON,
    type: say(error['type'], MAX_WORD_LENGTH),
    param: say(error['param'], MAX_WORD_LENGTH),
    code: say(error['code'], MAX_WORD_LENGTH),
  };
}

function errorIn(value: unknown): JsonObject {
  if (!isObject(value)) return { message: value };
  const { detail, error } = value;
  const inDetail = isObject(detail)
    ? (detail['error'] ?? detail)
    : (objectsOf(detail)[0] ?? detail);
  const inner = error ?? inDetail ?? value;
  return isObject(inner) ? inner : { message: inner };
}
