import { bodyOf, chatBody } from './bodies.ts';
import type { LoopDelay } from './probe.ts';
import type { Stage } from './stage.ts';
import { millis, table } from './table.ts';

export interface LargeBodyRow {
  readonly text: string;
  /** Its status. */
  readonly outcome: string;
  /** Until the large body was answered or refused. */
  readonly tookMs: number;
  readonly loop: LoopDelay;
  /** The slowest answer to another payer meanwhile, and how many it got. */
  readonly otherMaxMs: number;
  readonly otherAnswers: number;
}

const MEGABYTE = 1_000_000;
/** Less than the body's bytes would cost as tokens, so that they have to be counted. */
const TOKEN_SAT = 60;
const WATCH_MS = 1_500;
/** Short enough for one request. */
const ONE_REQUEST_MS = 5;

const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ['one letter', 'a'.repeat(MEGABYTE)],
  ['CJK', '漢字かな'.repeat(MEGABYTE / 12)],
  ['combining marks', `e${'\u0301'.repeat(7)}`.repeat(Math.floor(MEGABYTE / 15))],
  ['spaces', ' '.repeat(MEGABYTE)],
];

/** A megabyte that is hard to count, while another payer is served. */
export async function measureLargeBodies(stage: Stage): Promise<readonly LargeBodyRow[]> {
  const rows: LargeBodyRow[] = [];
  for (const [name, text] of TEXTS) rows.push(await measured(stage, name, text));
  console.log('\nA body of 1 MB whose tokens have to be counted, and another payer meanwhile');
  console.log(
    table(
      [
        'text',
        'status',
        'answered after ms',
        'loop held up max ms',
        'by own CPU ms',
        "other payer's max ms",
        'its answers',
      ],
      rows.map((row) => [
        row.text,
        row.outcome,
        millis(row.tookMs),
        millis(row.loop.maxMs),
        millis(row.loop.maxCpuMs),
        millis(row.otherMaxMs),
        String(row.otherAnswers),
      ]),
    ),
  );
  return rows;
}

async function measured(stage: Stage, text: string, content: string): Promise<LargeBodyRow> {
  const token = await stage.mint.command<string>('faucet', { amount: TOKEN_SAT });
  const key = [`authorization: Bearer ${token}`, 'x-cashu-change: keep'];
  const one = {
    connections: 1,
    ms: ONE_REQUEST_MS,
    credentials: [key],
    thinkMs: 2 * ONE_REQUEST_MS,
  };
  // Its token is redeemed by a small request first: that is not what is measured.
  await stage.run('router', { ...one, body: chatBody('json', 465) });
  await stage.router.ask('watchLoop');
  const other = stage.run('router', {
    body: chatBody('json', 465),
    connections: 1,
    ms: WATCH_MS,
    credentials: stage.keys,
    thinkMs: 1,
  });
  const startedAt = performance.now();
  const large = await stage.run('router', { ...one, body: bodyOf('json', content) });
  const tookMs = performance.now() - startedAt - one.thinkMs;
  const { latency, answers } = await other;
  const loop = await stage.router.ask<LoopDelay>('readLoop');
  return {
    text,
    outcome: large.answers === 1 ? '200' : Object.keys(large.failures).join(),
    tookMs,
    loop,
    otherMaxMs: latency.max,
    otherAnswers: answers,
  };
}
