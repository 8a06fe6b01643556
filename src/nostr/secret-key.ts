import { decode } from 'nostr-tools/nip19';
import { decrypt } from 'nostr-tools/nip49';

const HEX_KEY = /^[0-9a-f]{64}$/i;

/**
 * The secret key that `text` names: `nsec1...` (NIP-19), 64 hex digits, or `ncryptsec1...` (NIP-49), whose passphrase takes about a
 * second to check. Throws when it names none; the message and its causes never show the text.
 */
export function secretKeyOf(text: string, passphrase: string | undefined): Uint8Array {
  if (HEX_KEY.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  if (text.startsWith('nsec1')) return decodeNsec(text);
  if (text.startsWith('ncryptsec1')) return decryptKey(text, passphrase);
  throw new Error('the node key is no nsec, ncryptsec, bunker:// address or 64 hex digits');
}

function decodeNsec(text: string): Uint8Array {
  const key = decodedNsec(text);
  if (key === undefined) throw new Error('the node key is a damaged nsec');
  return key;
}

function decodedNsec(text: string): Uint8Array | undefined {
  try {
    const { type, data } = decode(text);
    return type === 'nsec' ? data : undefined;
  } catch {
    // The message would show the key.
    return undefined;
  }
}

function decryptKey(text: string, passphrase: string | undefined): Uint8Array {
  if (passphrase === undefined) throw new Error('the node key is encrypted: it needs a passphrase');
  const key = decryptedKey(text, passphrase);
  if (key === undefined) throw new Error('the passphrase does not open the node key');
  return key;
}

function decryptedKey(text: string, passphrase: string): Uint8Array | undefined {
  try {
    return decrypt(text, passphrase);
  } catch {
    // A wrong passphrase, or a damaged text that the message would show.
    return undefined;
  }
}
