import { chatBody } from './bodies.ts';
import type { Model } from './bodies.ts';
import type { Plan } from './plan.ts';
import { medianOf, takeSample } from './sample.ts';
import type { Sample } from './sample.ts';
import type { Stage, Target } from './stage.ts';
import { count, micros, millis, ratio, table } from './table.ts';

/** One kind of load on the three targets, by turns. */
interface Scenario {
  readonly name: string;
  readonly model: Model;
  readonly bytes: number;
  readonly connections: number;
  /** First bytes are what counts. */
  readonly paced?: true;
}

export interface Row extends Sample {
  readonly scenario: string;
  /** Of the target's CPU-seconds, to those of the bare proxy: 1 is as good, 0.5 costs twice as much. */
  readonly byCpu: number | undefined;
  readonly byRate: number | undefined;
}

const TARGETS: readonly Target[] = ['direct', 'proxy', 'router'];

const RATES: readonly Scenario[] = [
  { name: '465 B, c=1', model: 'json', bytes: 465, connections: 1 },
  { name: '465 B, c=16', model: 'json', bytes: 465, connections: 16 },
  { name: '465 B, c=64', model: 'json', bytes: 465, connections: 64 },
  { name: '31 KB, c=16', model: 'json', bytes: 31_000, connections: 16 },
];
const STREAMS: readonly Scenario[] = [
  { name: 'burst of 52 events, c=1', model: 'burst', bytes: 465, connections: 1 },
  { name: 'burst of 52 events, c=16', model: 'burst', bytes: 465, connections: 16 },
];
const PACED: readonly Scenario[] = [
  { name: '64 streams', model: 'paced', bytes: 465, connections: 64, paced: true },
  { name: '256 streams', model: 'paced', bytes: 465, connections: 256, paced: true },
];
const STREAM_MS = 1_000;

/** Runs both targets warm: the first ten thousands of requests of a process cost more. */
export async function warmUp(stage: Stage, plan: Plan): Promise<void> {
  const ms = plan.warmUpSeconds * 1_000;
  for (const target of TARGETS.slice(1)) {
    for (const { model, bytes } of [...RATES.slice(1, 2), ...RATES.slice(3), ...STREAMS.slice(1)]) {
      const body = chatBody(model, bytes);
      const credentials = stage.keys;
      await stage.run(target, { body, connections: 16, ms: ms / 3, credentials });
    }
  }
}

export async function measureRates(stage: Stage, plan: Plan): Promise<readonly Row[]> {
  const rows = await measure(stage, plan, RATES);
  console.log('\nAnswers in one piece (866 B), a static key in keep mode');
  print(rows, 'latency');
  return rows;
}

export async function measureStreams(stage: Stage, plan: Plan): Promise<readonly Row[]> {
  const rows = await measure(stage, plan, STREAMS);
  console.log('\nStreams as fast as the upstream writes (52 events, 17 kB)');
  print(rows, 'latency');
  return rows;
}

export async function measurePaced(stage: Stage, plan: Plan): Promise<readonly Row[]> {
  const rows = await measure(stage, plan, PACED);
  console.log('\nStreams of one event per 20 ms; times are until the first byte of the body');
  print(rows, 'firstByte');
  return rows;
}

async function measure(
  stage: Stage,
  plan: Plan,
  scenarios: readonly Scenario[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    const taken = new Map<Target, Sample[]>();
    const rounds = scenario.paced === true ? Math.min(2, plan.rounds) : plan.rounds;
    for (let round = 0; round < rounds; round += 1) {
      for (const target of TARGETS) {
        const sample = await takeSample(stage, target, jobOf(stage, plan, scenario));
        taken.set(target, [...(taken.get(target) ?? []), sample]);
      }
    }
    rows.push(...compared(scenario.name, taken));
  }
  return rows;
}

function jobOf(stage: Stage, plan: Plan, { model, bytes, connections, paced }: Scenario) {
  const seconds = paced === true ? plan.pacedSeconds : plan.seconds;
  return {
    body: chatBody(model, bytes),
    connections,
    ms: seconds * 1_000,
    credentials: stage.keys,
    ...(paced === true && { spreadMs: STREAM_MS }),
  };
}

function compared(scenario: string, taken: ReadonlyMap<Target, readonly Sample[]>): readonly Row[] {
  const bare = medianOf(taken.get('proxy') ?? []);
  return TARGETS.map((target) => {
    const median = medianOf(taken.get(target) ?? []);
    const isRouter = target === 'router';
    return {
      ...median,
      scenario,
      byCpu: isRouter ? bare.cpuUs / median.cpuUs : undefined,
      byRate: isRouter ? median.rate / bare.rate : undefined,
    };
  });
}

function print(rows: readonly Row[], times: 'latency' | 'firstByte'): void {
  console.log(
    table(
      [
        'load',
        'target',
        'req/s',
        'CPU us/req',
        'p50 ms',
        'p99 ms',
        'of bare',
        'foreign CPU',
        'failed',
      ],
      rows.map((row) => [
        row.target === 'direct' ? row.scenario : '',
        row.target,
        count(row.rate),
        micros(row.cpuUs),
        millis(row[times].p50),
        millis(row[times].p99),
        row.byCpu === undefined ? '' : `${ratio(row.byCpu)} CPU, ${ratio(row.byRate)} rate`,
        row.foreign.toFixed(2),
        failuresOf(row),
      ]),
    ),
  );
}

function failuresOf({ failures }: Sample): string {
  return Object.entries(failures)
    .map(([why, times]) => `${times} x ${why}`)
    .join(', ');
}
