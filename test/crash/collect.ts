import { setTimeout as sleep } from 'node:timers/promises';

import type { Payer } from './payer.ts';

const DEADLINE_MS = 60_000;
/** Answers to a refund call after which nothing of this token is left with the router. */
const SETTLED: ReadonlySet<number> = new Set([200, 400, 404, 410]);

/**
 * Every payer has back what its tokens still hold: by refund, and where nobody knows what became of a token, by presenting it
 * again. Returns the tokens of which the router does not give an account.
 */
export async function collect(payers: readonly Payer[]): Promise<readonly string[]> {
  const faults = await Promise.all(payers.map(collectFor));
  return faults.flat();
}

async function collectFor(payer: Payer): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const token of payer.presented) {
    const status = await settle(payer, token);
    if (!SETTLED.has(status)) faults.push(`${payer.name}: a refund call still answers ${status}`);
  }
  return faults;
}

/** The last status of the refund call. */
async function settle(payer: Payer, token: string): Promise<number> {
  const end = Date.now() + DEADLINE_MS;
  for (let round = 1; ; round += 1) {
    const { status } = await payer.refund(token);
    if (SETTLED.has(status) || Date.now() > end) return status;
    await sleep(100);
    if (round % 3 === 0) await presentAgain(payer, token);
  }
}

async function presentAgain(payer: Payer, token: string): Promise<void> {
  await payer.chat({ token, model: 'quick', prompt: 'Again.', stream: false });
}
