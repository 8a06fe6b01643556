import { join } from 'node:path';

import { nsecEncode } from 'nostr-tools/nip19';
import { generateSecretKey } from 'nostr-tools/pure';

import type { Log } from '../lib/log.ts';
import { openBunker } from './bunker.ts';
import { readKeyFile } from './key-file.ts';
import { npubOf } from './npub.ts';
import { secretKeyOf } from './secret-key.ts';
import { createKeySigner } from './signer.ts';
import type { Signer } from './signer.ts';

export interface IdentityOptions {
  /** The node's data folder. */
  readonly home: string;
  /** `nsec1...`, `ncryptsec1...`, 64 hex digits, or the `bunker://...` of a remote signer (NIP-46). Default: `<home>/node.key`, created when missing. */
  readonly key?: string;
  /** Of an `ncryptsec1...`. */
  readonly passphrase?: string;
  readonly log: Log;
}

const FILE = 'node.key';

/**
 * The key that the node announces itself with. Rejects when the key cannot be read, others may read its file, the passphrase is wrong,
 * or a remote signer that does not know us yet does not answer; no message shows the key.
 */
export async function openIdentity(options: IdentityOptions): Promise<Signer> {
  const { home, key, passphrase, log } = options;
  if (key?.startsWith('bunker://') === true) return openBunker({ home, address: key, log });
  if (key !== undefined) return signerOf(key, passphrase);
  const path = join(home, FILE);
  const { text, isNew } = await readKeyFile(path, () => nsecEncode(generateSecretKey()));
  const signer = signerOf(text, passphrase);
  if (isNew) log.info({ file: path, npub: npubOf(signer.pubkey) }, 'created the key of this node');
  return signer;
}

function signerOf(text: string, passphrase: string | undefined): Signer {
  const key = secretKeyOf(text, passphrase);
  const signer = createKeySigner(key);
  key.fill(0);
  return signer;
}
