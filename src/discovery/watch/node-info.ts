import { pubkeyOf } from '../../nostr/npub.ts';
import { isObject } from '../../openai/json-object.ts';
import { canonicalMintUrl } from '../../wallet/mint-url.ts';

/** What a node says of itself at `/v1/info`. */
export interface NodeInfo {
  /** Hex; null: it names no key (older Routstr nodes). */
  readonly pubkey: string | null;
  /** Canonical. Undefined where it tells none: Routstr's default is an empty list beside a mint that it does take. */
  readonly mints: readonly string[] | undefined;
  readonly version: string | undefined;
}

const MAX_MINTS = 16;
const MAX_MINT_CHARS = 256;
const MAX_VERSION_CHARS = 64;
const MAX_NPUB_CHARS = 128;

/** Undefined for what is no JSON object. Parts of it that are not what they should be count as not told. */
export function readInfo(json: unknown): NodeInfo | undefined {
  if (!isObject(json)) return undefined;
  const npub = json['npub'];
  const isKey = typeof npub === 'string' && npub.length <= MAX_NPUB_CHARS;
  return {
    pubkey: isKey ? (pubkeyOf(npub.trim().toLowerCase()) ?? null) : null,
    mints: mintsOf(json['mints']),
    version: versionOf(json['version']),
  };
}

function mintsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  const mints = new Set(items.slice(0, MAX_MINTS).flatMap(mintOf));
  return mints.size === 0 ? undefined : [...mints];
}

function mintOf(value: unknown): readonly string[] {
  if (typeof value !== 'string' || value.length > MAX_MINT_CHARS) return [];
  try {
    return [canonicalMintUrl(value)];
  } catch {
    // No mint URL: nobody can pay there.
    return [];
  }
}

function versionOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_VERSION_CHARS) {
    return undefined;
  }
  return /\p{Cc}/u.test(value) ? undefined : value;
}
