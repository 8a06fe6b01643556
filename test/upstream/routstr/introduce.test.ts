import { expect, onTestFinished, test } from 'vitest';

import { listen, sendJson } from '../../../src/demo/http-server.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Log } from '../../../src/lib/log.ts';
import { npubOf } from '../../../src/nostr/npub.ts';
import { openLink } from '../../../src/upstream/link.ts';
import type { AccountRow } from '../../../src/upstream/routstr/account-row.ts';
import { accountOf } from '../../../src/upstream/routstr/account.ts';
import { introduce } from '../../../src/upstream/routstr/introduce.ts';

const NODE = 'ab'.repeat(32);
const TOKEN = `cashuBo2FteBto${'dHRwczovL21pbnQ'.repeat(20)}`;

/** Presents a token to a node that refuses it with this code; what was logged of that. */
async function refusedWith(code: string): Promise<object | undefined> {
  const node = await listen((_, response) => sendJson(response, 401, { error: { code } }), 0);
  onTestFinished(() => node.close());
  const timeouts = { connectMs: 5_000, idleMs: 5_000 };
  const way = openLink({ baseUrl: `${node.url}/v1`, timeouts });
  onTestFinished(() => way.link.pool.close());
  let logged: object | undefined;
  const log: Log = { ...silentLog, warn: (fields) => (logged = fields) };
  const row = { node: NODE, mint: 'https://mint.example', reserved_msat: 0n } as AccountRow;
  let isRetired = false;
  const retire = (): void => {
    isRetired = true;
  };
  const met = introduce({ log, wayTo: () => way, retire }, accountOf(row, TOKEN));
  await expect(met).rejects.toMatchObject({ kind: 'status' });
  expect(isRetired).toBe(true);
  return logged;
}

test('that a node refuses our token is logged with its code, and with its key as people write it', async () => {
  const mint = 'https://mint.example';

  expect(await refusedWith('cashu_token_already_spent')).toEqual({
    node: npubOf(NODE),
    mint,
    code: 'cashu_token_already_spent',
  });
  expect(await refusedWith('11001')).toMatchObject({ code: '11001' });
});

test.each([TOKEN, 'cd'.repeat(32), 'Not a code'])(
  'a node that echoes our money where a code belongs gets none of it into the log: %s',
  async (code) => {
    expect(JSON.stringify(await refusedWith(code))).not.toContain(code);
  },
);
