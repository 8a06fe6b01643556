import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { link, mkdir, open as openFile, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';

/** Coins for payers and our own earnings derive apart: restoring the treasury never brings back a payer's change. */
export type SeedName = 'payers' | 'treasury';

export interface Seeds {
  /** NUT-13 seeds of 64 bytes. */
  readonly payers: Uint8Array;
  readonly treasury: Uint8Array;
  /** 32 bytes for `seal` and `open`: what is secret at rest. */
  readonly storage: Uint8Array;
  /** 32 bytes: ids of accounts in logs are an HMAC under it. */
  readonly log: Uint8Array;
  /** 16 hex characters that tell seeds apart and reveal nothing: store it to notice a database that belongs to another seed. */
  readonly fingerprint: string;
  /** How to back up the seed, for the operator, once: present only when this call created it. Holds no secret. */
  readonly notice: string | undefined;
}

const FILE = 'seed.txt';
const MNEMONIC_BITS = 128;
const MAX_FILE_BYTES = 1024;

/**
 * Loads the node's seed (12 words, BIP39) from `<home>/seed.txt`, creating folder (0700) and file (0600) at the first start.
 * Rejects when the file can be read by other users, or holds no valid mnemonic; it never replaces one.
 */
export async function loadSeeds(home: string): Promise<Seeds> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const path = join(home, FILE);
  const created = await createIfMissing(path, home);
  const mnemonic = await readMnemonic(path);
  const root = await mnemonicToSeed(mnemonic);
  const fingerprint = createHash('sha256')
    .update(derive(root, 'fingerprint', 32))
    .digest('hex');
  return {
    payers: derive(root, 'payers', 64),
    treasury: derive(root, 'treasury', 64),
    storage: derive(root, 'encryption', 32),
    log: derive(root, 'log', 32),
    fingerprint: fingerprint.slice(0, 16),
    notice: created ? noticeOf(path) : undefined,
  };
}

/** Encrypts with AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). `key` is 32 bytes. */
export function seal(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** The bytes that `seal` was given. Throws when they were sealed with another key, cut or changed. */
export function open(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new RangeError('sealed bytes are cut off');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

function derive(root: Uint8Array, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root, 'nutroute/seeds/v1', purpose, length));
}

/** Written aside, made durable, then linked: the file appears whole or not at all, and never over another. */
async function createIfMissing(path: string, home: string): Promise<boolean> {
  if (await exists(path)) return false;
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const file = await openFile(aside, 'wx', 0o600);
  try {
    await file.writeFile(`${generateMnemonic(wordlist, MNEMONIC_BITS)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(aside, path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    return false;
  } finally {
    await unlink(aside);
  }
  await syncFolder(home);
  return true;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; its file systems journal the entry themselves.
  if (process.platform === 'win32') return;
  const folder = await openFile(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readMnemonic(path: string): Promise<string> {
  const { mode, size } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error(`${path} can be read by other users; run: chmod 600 ${path}`);
  }
  if (size > MAX_FILE_BYTES) throw new Error(`${path} holds no seed`);
  const words = (await readFile(path, 'utf8')).trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) {
    throw new Error(`${path} holds no valid BIP39 seed words; restore it from your backup`);
  }
  return words;
}

function noticeOf(path: string): string {
  return (
    `A new seed was created in ${path}. All ecash of this node derives from it and its database is encrypted with it: ` +
    `write down the 12 words in that file and keep them with a backup of the database. Who has them has the money.`
  );
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
