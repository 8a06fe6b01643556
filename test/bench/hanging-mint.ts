import { setTimeout as sleep } from 'node:timers/promises';

import { chatBody } from './bodies.ts';
import type { JobResult } from './job.ts';
import type { Stage } from './stage.ts';
import { count, millis, table } from './table.ts';

export interface HangingMintRow {
  readonly mint: string;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const TOKENS = 16;
const TOKEN_SAT = 100;
const WATCH_MS = 2_500;

/** What the payers of one mint notice when another mint takes connections and never answers. */
export async function measureHangingMint(stage: Stage): Promise<readonly HangingMintRow[]> {
  const tokens: string[] = [];
  while (tokens.length < TOKENS) {
    tokens.push(await stage.otherMint.command<string>('faucet', { amount: TOKEN_SAT }));
  }
  const others = {
    body: chatBody('json', 465),
    connections: 4,
    ms: WATCH_MS,
    credentials: stage.keys,
  };
  const before = await stage.run('router', others);

  // The system still takes connections for a stopped process.
  process.kill(stage.otherMint.pid, 'SIGSTOP');
  const stuck = stage.run('router', {
    body: chatBody('json', 465),
    connections: TOKENS,
    ms: WATCH_MS,
    pay: 'fresh',
    tokens,
  });
  await sleep(100);
  const during = await stage.run('router', others);
  process.kill(stage.otherMint.pid, 'SIGCONT');
  await stuck;

  const rows = [rowOf('answers', before), rowOf('hangs', during)];
  console.log(`\nAnother mint hangs, ${TOKENS} of its payers wait; payers of the first mint, c=4`);
  console.log(
    table(
      ['the other mint', '', 'req/s', 'p50 ms', 'p99 ms', 'max ms'],
      rows.map((row) => [
        row.mint,
        '',
        count(row.rate),
        millis(row.p50),
        millis(row.p99),
        millis(row.max),
      ]),
    ),
  );
  return rows;
}

function rowOf(mint: string, { answers, seconds, latency }: JobResult): HangingMintRow {
  return { mint, rate: answers / seconds, ...latency };
}
