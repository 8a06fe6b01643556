import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silentLog } from '../../src/lib/log.ts';
import { openMoney } from '../../src/money.ts';
import { configOf } from './audit.ts';
import type { Lane } from './lane.ts';
import { MARKUP } from './models.ts';
import type { TwoHopPlan } from './two-hop-plan.ts';

/** What its operator puts in: more than its node may ever have. */
export const CAPITAL_SAT = 5_000;

/** A fresh folder for a router that buys all its answers from the node at this port, with its working capital. */
export async function createBuyerHome(
  lane: Lane,
  { buy, capSat }: TwoHopPlan,
  sellerPort: number,
): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-crash-buyer-'));
  const file = {
    mints: [lane.mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'seller',
        kind: 'routstr',
        baseUrl: `http://127.0.0.1:${sellerPort}`,
        capSat,
        buy,
        models: '*',
        markup: MARKUP,
        timeouts: { firstByteMs: 5_000, idleMs: 5_000, answerMs: 10_000 },
      },
    ],
  };
  await writeFile(join(home, 'providers.json'), JSON.stringify(file));
  const token = await lane.mint.command<string>('faucet', { amount: CAPITAL_SAT });
  const money = await openMoney(configOf(home), silentLog);
  try {
    await money.treasury.receive(token);
  } finally {
    await money.close();
  }
  return home;
}
