import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nsecEncode } from 'nostr-tools/nip19';
import { encrypt } from 'nostr-tools/nip49';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import type { Log } from '../../src/lib/log.ts';
import { openIdentity } from '../../src/nostr/identity.ts';
import { signerNumber } from './events.ts';

const secretKey = new Uint8Array(32);
secretKey[31] = 1;
const { pubkey } = signerNumber(1);
const nsec = nsecEncode(secretKey);
const log = silentLog;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'nutroute-identity-'));
});
afterEach(() => rm(home, { recursive: true }));

describe('a key of the configuration', () => {
  test('may be an nsec', async () => {
    await expect(openIdentity({ home, key: nsec, log })).resolves.toMatchObject({ pubkey });
  });

  test('may be hex digits', async () => {
    const key = Buffer.from(secretKey).toString('hex');

    await expect(openIdentity({ home, key, log })).resolves.toMatchObject({ pubkey });
  });

  test('may be encrypted (NIP-49)', async () => {
    const key = encrypt(secretKey, 'correct horse', 4);

    const signer = await openIdentity({ home, key, passphrase: 'correct horse', log });

    expect(signer.pubkey).toBe(pubkey);
  });

  test('opens a key that another program encrypted', async () => {
    // The vector of NIP-49.
    const key =
      'ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623nsl8xn9j4jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p';
    const expected = await openIdentity({
      home,
      key: '3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683',
      log,
    });

    const signer = await openIdentity({ home, key, passphrase: 'nostr', log });

    expect(signer.pubkey).toBe(expected.pubkey);
  });

  test('leaves no file behind', async () => {
    await openIdentity({ home, key: nsec, log });

    await expect(readdir(home)).resolves.toStrictEqual([]);
  });

  const damaged = `${nsec.slice(0, -1)}${nsec.endsWith('q') ? 'p' : 'q'}`;
  const encrypted = encrypt(secretKey, 'right', 4);
  test.each<[string, string, string | undefined]>([
    ['a damaged nsec', damaged, undefined],
    ['a damaged ncryptsec', `${encrypted.slice(0, -4)}qqqq`, 'right'],
    ['a wrong passphrase', encrypted, 'wrong'],
    ['a missing passphrase', encrypted, undefined],
    ['a text that is no key', 'correct horse battery staple', undefined],
    ['zeros', '0'.repeat(64), undefined],
  ])('%s is refused without being shown', async (_name, key, passphrase) => {
    const opening = openIdentity({
      home,
      key,
      log,
      ...(passphrase === undefined ? {} : { passphrase }),
    });

    const error = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).cause).toBeUndefined();
    expect(String((error as Error).stack)).not.toContain(key.slice(0, 12));
  });
});

describe('the key file', () => {
  test('is created once, for its owner only', async () => {
    const first = await openIdentity({ home, log });
    const second = await openIdentity({ home, log });

    const { mode } = await stat(join(home, 'node.key'));
    expect(second.pubkey).toBe(first.pubkey);
    expect(mode & 0o777).toBe(0o600);
    await expect(readdir(home)).resolves.toStrictEqual(['node.key']);
  });

  test('is the same for two processes that start at once', async () => {
    const signers = await Promise.all(Array.from({ length: 5 }, () => openIdentity({ home, log })));

    expect(new Set(signers.map((signer) => signer.pubkey)).size).toBe(1);
  });

  test('is refused when others may read it', async () => {
    await openIdentity({ home, log });
    await chmod(join(home, 'node.key'), 0o640);

    await expect(openIdentity({ home, log })).rejects.toThrow('other users may read');
  });

  test('may hold an encrypted key', async () => {
    const text = `${encrypt(secretKey, 'horse', 4)}\n`;
    await writeFile(join(home, 'node.key'), text, { mode: 0o600 });

    const signer = await openIdentity({ home, passphrase: 'horse', log });

    expect(signer.pubkey).toBe(pubkey);
  });

  test('is never replaced when it holds no key', async () => {
    await writeFile(join(home, 'node.key'), 'mistake\n', { mode: 0o600 });

    await expect(openIdentity({ home, log })).rejects.toThrow('node key');
    await expect(readFile(join(home, 'node.key'), 'utf8')).resolves.toBe('mistake\n');
  });

  test('is named in the log by its public key, never by its secret', async () => {
    const lines: string[] = [];
    const note = (fields: object, message: string): void => {
      lines.push(`${JSON.stringify(fields)} ${message}`);
    };
    const log: Log = { trace: note, debug: note, info: note, warn: note, error: note };

    await openIdentity({ home, log });

    const text = await readFile(join(home, 'node.key'), 'utf8');
    expect(lines).toHaveLength(1);
    expect(lines.join('\n')).toContain('npub1');
    expect(lines.join('\n')).not.toContain('nsec');
    expect(lines.join('\n')).not.toContain(text.trim().slice(5));
  });
});
