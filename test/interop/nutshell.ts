import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { answers, freePort, startChild } from '../support/child-server.ts';
import type { ChildServer } from '../support/child-server.ts';
import type { RealMint } from './real-mint.ts';
import { pythonIn } from './recipes.ts';

/** Starts nutshell from its installation, with a fresh state and keys of its own; Lightning is faked and pays at once. */
export async function startNutshell(installation: string, feePpk: number): Promise<RealMint> {
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
  const mint: RealMint = {
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
    async [Symbol.asyncDispose]() {
      await child?.stop();
      child = undefined;
      await rm(home, { recursive: true, force: true });
    },
  };
  await mint.start();
  return mint;
}
