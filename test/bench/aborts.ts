import { setTimeout as sleep } from 'node:timers/promises';

import { bodyOf, chatBody } from './bodies.ts';
import type { Plan } from './plan.ts';
import { pathOf } from './stage.ts';
import type { Stage, Target } from './stage.ts';
import { millis, table } from './table.ts';

export interface AbortRow {
  readonly moment: string;
  readonly target: Target;
  readonly p50: number;
  readonly max: number;
  /** Times that the upstream was not told within 3 s. */
  readonly never: number;
}

interface Moment {
  readonly name: string;
  readonly body: string;
}

const SILENT = bodyOf('silent', 'Are you there?');
const MOMENTS: readonly Moment[] = [
  { name: 'mid-stream', body: chatBody('paced', 465) },
  { name: 'stream, before headers', body: SILENT.replace(/\}$/, ',"stream":true}') },
  { name: 'not a stream', body: SILENT },
];
const TARGETS: readonly Target[] = ['proxy', 'router'];
/** Long enough for a first event, and not a multiple of the pace. */
const LEAVE_AFTER_MS = 150;
const SETTLE_MS = 100;

/** How long it takes until the upstream sees that a client left. */
export async function measureAborts(stage: Stage, plan: Plan): Promise<readonly AbortRow[]> {
  const rows: AbortRow[] = [];
  for (const moment of MOMENTS) {
    for (const target of TARGETS) rows.push(await measured(stage, plan, moment, target));
  }
  console.log('\nA client leaves: ms until the upstream saw it');
  console.log(
    table(
      ['moment', 'target', 'p50 ms', 'max ms', 'never'],
      rows.map((row) => [
        row.moment,
        row.target,
        millis(row.p50),
        millis(row.max),
        String(row.never),
      ]),
    ),
  );
  return rows;
}

async function measured(
  stage: Stage,
  plan: Plan,
  { name, body }: Moment,
  target: Target,
): Promise<AbortRow> {
  const took: number[] = [];
  let never = 0;
  const path = target === 'router' ? '/v1/chat/completions' : pathOf(body);
  const job = {
    url: stage.urls[target],
    path,
    body,
    connections: 1,
    ms: 0,
    credentials: stage.keys,
  };
  for (let tried = 0; tried < plan.tries; tried += 1) {
    await stage.upstream.ask('forgetLeft');
    const leftAt = await stage.load.ask<number>('leave', { job, ms: LEAVE_AFTER_MS + tried });
    const seenAt = await stage.upstream.ask<number | null>('nextLeft');
    if (seenAt === null) never += 1;
    else took.push(seenAt - leftAt);
    if (target === 'router') stage.paid.untold += 1;
    await sleep(SETTLE_MS);
  }
  const sorted = took.toSorted((a, b) => a - b);
  const p50 = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { moment: name, target, p50, max: sorted.at(-1) ?? Number.NaN, never };
}
