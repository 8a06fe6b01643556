import { decode, npubEncode } from 'nostr-tools/nip19';

const HEX_KEY = /^[0-9a-f]{64}$/;

/** A public key as people write it (NIP-19). `pubkey`: 64 lower-case hex digits. */
export function npubOf(pubkey: string): string {
  return npubEncode(pubkey);
}

/** The public key that `text` names as npub or as 64 lower-case hex digits; undefined when it names none. */
export function pubkeyOf(text: string): string | undefined {
  if (HEX_KEY.test(text)) return text;
  if (!text.startsWith('npub1')) return undefined;
  try {
    const { type, data } = decode(text);
    return type === 'npub' ? data : undefined;
  } catch {
    // A wrong checksum: no key.
    return undefined;
  }
}
