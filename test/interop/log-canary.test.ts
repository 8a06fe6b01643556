import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { KEY_CANARY, PROMPT_CANARY } from '../support/test-log.ts';
import { searchLogs } from './log-canary.ts';

describe('the search for secrets in logs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nutroute-canary-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['a Cashu token', `cashuBo2FteBtodHRwczovL21pbnQ`],
    ['a Cashu token', `cashuAeyJ0b2tlbiI6W3sibWludCI6`],
    ['a C, B_ or public key', `02${'ab'.repeat(32)}`],
    ['a secret of 32 bytes', 'CD'.repeat(32)],
    ['a key', `${KEY_CANARY}-upstream`],
    ['a key', 'sk-live-12345678'],
    ['the key of a node', `nsec1${'q'.repeat(58)}`],
    ['the key of a node', `ncryptsec1${'q'.repeat(152)}`],
    ['a prompt', `${PROMPT_CANARY}: hi`],
    ['a secret of a test', 'twelve words of a seed phrase'],
  ])('finds %s that was planted', (what, planted) => {
    writeFileSync(join(folder, '1.secrets'), 'twelve words of a seed phrase\n');
    writeFileSync(
      join(folder, 'router.log'),
      `{"msg":"listening"}\n${JSON.stringify({ error: { deep: `it was ${planted}!` } })}\n`,
    );

    expect(searchLogs(folder)).toEqual({
      files: 1,
      lines: 2,
      secrets: 1,
      leaks: [{ file: 'router.log', line: 2, what }],
    });
  });

  test('lets pass what logs may tell', () => {
    const lines = [
      { account: 'a1b2c3d4e5f60718', hold: '12', ms: 3 },
      { keyset: `01${'ab'.repeat(32)}`, mint: 'http://127.0.0.1:3338' },
      { requestId: 'f3b1f7a0-5c1c-4a43-9d59-9a2f0a6b1c2d' },
    ];
    writeFileSync(join(folder, 'router.log'), lines.map((line) => JSON.stringify(line)).join('\n'));

    expect(searchLogs(folder)).toMatchObject({ lines: 3, leaks: [] });
  });
});
