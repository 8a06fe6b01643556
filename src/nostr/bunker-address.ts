/** Where a remote signer is found (NIP-46): `bunker://<its key>?relay=wss://...&secret=...`. */
export interface BunkerAddress {
  /** The key it talks with, 64 hex digits; what it signs with may be another one. */
  readonly pubkey: string;
  readonly relays: readonly string[];
  /** Lets a new client in, once. */
  readonly secret: string | undefined;
}

const HEX_KEY = /^[0-9a-f]{64}$/;
const MAX_RELAYS = 5;

/** Throws when `text` is none; the message does not show it, for it holds a secret. */
export function parseBunkerAddress(text: string): BunkerAddress {
  const parsed = URL.parse(text);
  const relays = parsed?.searchParams.getAll('relay') ?? [];
  const pubkey = parsed?.host ?? '';
  const isFit =
    parsed?.protocol === 'bunker:' &&
    HEX_KEY.test(pubkey) &&
    relays.length > 0 &&
    relays.length <= MAX_RELAYS &&
    relays.every((relay) => /^wss?:$/.test(URL.parse(relay)?.protocol ?? ''));
  if (!isFit) {
    throw new Error('the node key is no bunker:// address with a key of 64 hex digits and relays');
  }
  return { pubkey, relays, secret: parsed.searchParams.get('secret') ?? undefined };
}
