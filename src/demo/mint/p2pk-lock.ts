import { isRecord, listOf, parseJson, textOf } from '../json.ts';
import type { JsonRecord } from '../json.ts';
import { MintError } from './mint-error.ts';

/** A NUT-11 lock. */
export interface Lock {
  readonly keys: readonly string[];
  readonly needed: number;
  readonly refundKeys: readonly string[];
  readonly refundNeeded: number;
  readonly expiresAtS: number | undefined;
  readonly signsAll: boolean;
  /** Same text, same conditions: what SIG_ALL inputs must share. */
  readonly conditions: string;
}

const KEY = /^0[23][0-9a-f]{64}$/i;

/** The lock of a secret; undefined for a plain one. Throws `MintError` for one that means to be P2PK and is not well-formed. */
export function parseLock(secret: string): Lock | undefined {
  if (!/^\s*\[\s*"P2PK"/.test(secret)) return undefined;
  const body = parseSecretBody(secret);
  const data = textOf(body['data']) ?? '';
  if (textOf(body['nonce']) === undefined) throw malformed('nonce');
  const tags = parseTags(body['tags']);
  const keys = parseKeys([data, ...(tags.get('pubkeys') ?? [])]);
  const flag = tags.get('sigflag')?.[0];
  if (flag !== undefined && flag !== 'SIG_INPUTS' && flag !== 'SIG_ALL') throw malformed('sigflag');
  return {
    keys,
    needed: numberTag(tags, 'n_sigs') ?? 1,
    refundKeys: parseKeys(tags.get('refund') ?? []),
    refundNeeded: numberTag(tags, 'n_sigs_refund') ?? 1,
    expiresAtS: numberTag(tags, 'locktime'),
    signsAll: flag === 'SIG_ALL',
    conditions: JSON.stringify([data, [...tags]]),
  };
}

function parseSecretBody(secret: string): JsonRecord {
  const parsed = listOf(parseJson(secret));
  const body = parsed?.[1];
  if (parsed?.length !== 2 || !isRecord(body)) throw malformed('shape');
  // JSON.parse keeps the last of two equal keys: such a secret would mean different things to different readers
  if (withoutSpace(secret) !== withoutSpace(JSON.stringify(parsed))) throw malformed('hidden text');
  return body;
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '');
}

function parseKeys(keys: readonly string[]): readonly string[] {
  if (!keys.every((key) => KEY.test(key))) throw malformed('public key');
  return keys.map((key) => key.toLowerCase());
}

function parseTags(value: unknown): ReadonlyMap<string, readonly string[]> {
  const tags = new Map<string, readonly string[]>();
  if (value === undefined) return tags;
  const items = listOf(value);
  if (items === undefined) throw malformed('tags');
  for (const item of items) {
    const [name, ...values] = (listOf(item) ?? []).map((part) => textOf(part));
    if (name === undefined || tags.has(name)) throw malformed('tags');
    tags.set(
      name,
      values.map((text) => {
        if (text === undefined) throw malformed('tags');
        return text;
      }),
    );
  }
  return tags;
}

function numberTag(tags: ReadonlyMap<string, readonly string[]>, name: string): number | undefined {
  const values = tags.get(name);
  if (values === undefined) return undefined;
  const [text = ''] = values;
  if (values.length !== 1 || !/^\d{1,12}$/.test(text)) throw malformed(name);
  return Number(text);
}

function malformed(what: string): MintError {
  return new MintError('badSignature', `malformed P2PK secret: ${what}`);
}
