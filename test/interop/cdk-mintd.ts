import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { answers, freePort, startChild } from '../support/child-server.ts';
import type { ChildServer } from '../support/child-server.ts';
import { run } from './installation.ts';
import type { RealMint } from './real-mint.ts';

/** Starts cdk-mintd with a fresh state and keys of its own; Lightning is faked and pays at once. */
export async function startCdkMintd(binary: string, feePpk: number): Promise<RealMint> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-cdk-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { CDK_MINTD_SEED: randomBytes(32).toString('hex') };
  const settings = join(home, 'mintd.toml');
  await writeFile(settings, settingsOf(port, feePpk));
  // The file is read once; afterwards the mint's own database decides.
  await run(binary, ['-w', home, 'config', 'init', '--new-mint', '--file', settings], env);
  let child: ChildServer | undefined;
  const mint: RealMint = {
    url,
    async start() {
      child = await startChild({ command: binary, args: ['-w', home], cwd: home, env }, () =>
        answers(`${url}/v1/info`),
      );
    },
    async kill() {
      await child?.kill();
      child = undefined;
    },
    repair() {
      // It undoes unfinished swaps itself when it starts.
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

function settingsOf(port: number, feePpk: number): string {
  return `
[info]
listen_host = "127.0.0.1"
listen_port = ${port}
seed = "env:CDK_MINTD_SEED"
input_fee_ppk = ${feePpk}
[info.logging]
output = "stderr"
console_level = "warn"
[info.http_cache]
backend = "memory"
ttl = 60
tti = 60
[database]
engine = "sqlite"
[payment_backend]
backend = "fakewallet"
[fake_wallet]
min_delay_time = 0
max_delay_time = 0
custom_payment_methods = []
`;
}
