import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { answers, freePort, startChild } from '../support/child-server.ts';
import type { ChildServer } from '../support/child-server.ts';
import type { RealMint } from './real-mint.ts';
import { pythonIn } from './recipes.ts';

/** Longer than nutshell writes at a time. */
const BUSY_MS = 5_000;
/** An output that waits for its swap has no signature yet. */
const OUTSTANDING = `SELECT (SELECT coalesce(sum(amount), 0) FROM promises WHERE c_ IS NOT NULL)
                          - (SELECT coalesce(sum(amount), 0) FROM proofs_used) AS sat`;

export interface Nutshell extends RealMint {
  /** What it has signed and not taken back: the worth of all coins there are, sat. */
  outstandingSat(): number;
}

/** Starts nutshell from its installation, with a fresh state and keys of its own; Lightning is faked and pays at once. */
export async function startNutshell(installation: string, feePpk: number): Promise<Nutshell> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-nutshell-'));
  // Nutshell lets the .env of its folder, or else of the user's home, override the environment.
  await writeFile(join(home, '.env'), '');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    MINT_PRIVATE_KEY: randomBytes(32).toString('hex'),
    MINT_BACKEND_BOLT11_SAT: 'FakeWallet',
    MINT_LISTEN_HOST: '127.0.0.1',
    MINT_LISTEN_PORT: String(port),
    MINT_DATABASE: join(home, 'db'),
    MINT_AUTH_DATABASE: join(home, 'auth'),
    CASHU_DIR: join(home, 'cashu'),
    MINT_INPUT_FEE_PPK: String(feePpk),
    MINT_RATE_LIMIT: 'FALSE',
    FAKEWALLET_DELAY_INCOMING_PAYMENT: '0',
    FAKEWALLET_DELAY_OUTGOING_PAYMENT: '0',
  };
  let child: ChildServer | undefined;
  const mint: Nutshell = {
    url,
    async start() {
      child = await startChild(
        {
          command: pythonIn(installation),
          args: ['-c', 'from cashu.mint.main import main; main()'],
          cwd: home,
          env,
        },
        () => answers(`${url}/v1/info`),
      );
    },
    async kill() {
      await child?.kill();
      child = undefined;
    },
    repair() {
      const database = new DatabaseSync(join(home, 'db', 'mint.sqlite3'));
      // It repairs pending melts at its start, never pending swaps.
      database.exec('DELETE FROM proofs_pending WHERE melt_quote IS NULL');
      database.close();
    },
    outstandingSat() {
      const database = new DatabaseSync(join(home, 'db', 'mint.sqlite3'), {
        readOnly: true,
        timeout: BUSY_MS,
      });
      const row = database.prepare(OUTSTANDING).get();
      database.close();
      return Number(row?.['sat']);
    },
    async [Symbol.asyncDispose]() {
      await child?.stop();
      child = undefined;
      await rm(home, { recursive: true, force: true });
    },
  };
  await mint.start();
  return mint;
}
