import { chatBody } from './bodies.ts';
import type { Plan } from './plan.ts';
import { takeSample } from './sample.ts';
import type { Stage } from './stage.ts';
import { count, micros, millis, table } from './table.ts';

export interface PaymentRow {
  readonly payment: string;
  readonly rate: number;
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  readonly mintCallsPerRequest: number;
  readonly foreign: number;
  readonly failures: Readonly<Record<string, number>>;
}

const CONNECTIONS = 16;
const TOKEN_SAT = 1_000;

/** What paying costs in its three ways. The mint shares a CPU with clients and upstream. */
export async function measurePayments(stage: Stage, plan: Plan): Promise<readonly PaymentRow[]> {
  const ms = plan.seconds * 2 * 1_000;
  const body = chatBody('json', 465);
  const rows = [
    await measured(stage, 'static key, keep', {
      body,
      connections: CONNECTIONS,
      ms,
      credentials: stage.keys,
    }),
    await measured(stage, 'chain of change', {
      body,
      connections: CONNECTIONS,
      ms,
      pay: 'chain',
      tokens: await makeTokens(stage, CONNECTIONS),
    }),
    await measured(stage, 'fresh tokens', {
      body,
      connections: CONNECTIONS,
      ms,
      pay: 'fresh',
      tokens: await makeTokens(stage, plan.freshTokens),
    }),
  ];
  console.log('\nWays to pay, c=16, 465 B');
  console.log(
    table(
      [
        'payment',
        '',
        'req/s',
        'CPU us/req',
        'p50 ms',
        'p99 ms',
        'mint calls/req',
        'foreign CPU',
        'failed',
      ],
      rows.map((row) => [
        row.payment,
        '',
        count(row.rate),
        micros(row.cpuUs),
        millis(row.p50),
        millis(row.p99),
        row.mintCallsPerRequest.toFixed(3),
        row.foreign.toFixed(2),
        JSON.stringify(row.failures),
      ]),
    ),
  );
  return rows;
}

async function measured(
  stage: Stage,
  payment: string,
  job: Parameters<Stage['run']>[1],
): Promise<PaymentRow> {
  await stage.mint.command('clearCalls');
  const sample = await takeSample(stage, 'router', job);
  const calls = await stage.mint.command<number>('callCount');
  const { rate, cpuUs, latency, foreign, failures } = sample;
  const { p50, p99 } = latency;
  const mintCallsPerRequest = calls / Math.max(1, sample.answers);
  return { payment, rate, cpuUs, p50, p99, mintCallsPerRequest, foreign, failures };
}

async function makeTokens(stage: Stage, tokens: number): Promise<readonly string[]> {
  const made: string[] = [];
  while (made.length < tokens) {
    made.push(await stage.mint.command<string>('faucet', { amount: TOKEN_SAT }));
  }
  return made;
}
