import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { audit } from './audit.ts';
import type { Audit } from './audit.ts';
import type { CrashPoint } from './crash-point.ts';
import { send } from './http-client.ts';
import { booksOf, createHome, removeHome } from './lane.ts';
import type { Lane } from './lane.ts';
import { createPayer, eventually } from './payer.ts';
import type { Payer } from './payer.ts';
import { openPurse } from './purse.ts';
import { startRouter } from './router.ts';
import type { Router } from './router.ts';
import type { UsageOf } from './usage.ts';

/** One payer with one token, and a router that crashes. */
export interface CrashWorld extends AsyncDisposable {
  readonly home: string;
  readonly payer: Payer;
  /** Bought for `PAID_SAT`. */
  readonly token: string;
  /** Starts the router on what is there; it dies at `point`, if one is named. */
  start(point?: CrashPoint): Promise<Router>;
  /** Msat that the router says are left on the token. */
  balance(): Promise<number>;
  /** Sat of the change that the refund call gives, asked until the router knows. */
  refundSat(): Promise<number>;
  /** Stops the router, lets `nutroute doctor` look, and counts all money. */
  finish(): Promise<
    Audit & { readonly complaints: readonly object[]; readonly exit: number | null }
  >;
}

export const PAID_SAT = 1000;
/** Six coins at 100 ppk. */
export const TOKEN_FEE_SAT = 1;

const DEADLINE_MS = 30_000;
const BIN = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));

export async function crashWorld(lane: Lane, usageOf: UsageOf): Promise<CrashWorld> {
  const home = await createHome(lane);
  const purse = await openPurse(lane.mintUrl);
  const { fees } = await booksOf(lane);
  let router: Router | undefined;
  const payer = createPayer({
    name: 'payer',
    address: '127.0.0.1',
    routerUrl: () => router?.url,
    usageOf,
    killedAtMs: async () => router?.gone,
  });
  const token = await lane.mint.command<string>('faucet', { amount: PAID_SAT });
  payer.buy(token, PAID_SAT);

  return {
    home,
    payer,
    token,
    async start(point) {
      router = await startRouter(home, point === undefined ? {} : { point: { name: point } });
      return router;
    },
    async balance() {
      const answer = await send({
        url: `${router?.url}/v1/wallet/info`,
        method: 'GET',
        headers: { authorization: `Bearer ${token}` },
        from: '127.0.0.1',
      });
      return (JSON.parse(answer.text) as { balance_msats: number }).balance_msats;
    },
    async refundSat() {
      const change = await eventually(async () => (await payer.refund(token)).token, DEADLINE_MS);
      if (change === undefined) throw new Error('the change cannot be fetched');
      return purse.coinsOf(change).reduce((sum, { proof }) => sum + proof.amount.toNumber(), 0);
    },
    async finish() {
      const exit = (await router?.stop()) ?? null;
      const complaints = await complaintsOf(home);
      const mintFees = async (): Promise<number> => (await booksOf(lane)).fees - fees;
      const found = await audit({
        homes: [home],
        payers: [payer],
        purse,
        feePpk: lane.feePpk,
        mintFees,
      });
      return { ...found, complaints, exit };
    },
    async [Symbol.asyncDispose]() {
      await router?.kill();
      await removeHome(home);
    },
  };
}

/** What `nutroute doctor --json` finds wrong. */
async function complaintsOf(home: string): Promise<readonly object[]> {
  const args = ['doctor', '--json', '--home', home, '--config', join(home, 'providers.json')];
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { checks } = JSON.parse(await text(child.stdout)) as { checks: readonly { ok: boolean }[] };
  return checks.filter(({ ok }) => !ok);
}
