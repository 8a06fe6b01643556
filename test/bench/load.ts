import { setTimeout as sleep } from 'node:timers/promises';

import { openConnection } from './http-connection.ts';
import type { HttpAnswer, HttpConnection } from './http-connection.ts';
import type { Job, JobResult, Spread } from './job.ts';
import { serveParent } from './parent.ts';
import { nowMs } from './time.ts';

/** The clients, in a process of their own: each connection sends its next request when the last one was answered. */

/** More than any sample has. */
const MAX_ANSWERS = 2_000_000;

/** Connections stay open between the samples of one target, as those of real clients do. */
const idle = new Map<string, HttpConnection[]>();

class Tally {
  readonly latencies: number[] = [];
  readonly firstBytes: number[] = [];
  readonly failures: Record<string, number> = {};
  readonly change: string[] = [];
  answers = 0;
  costMsat = 0;
  tokensUsed = 0;

  add(answer: HttpAnswer): void {
    if (answer.status !== 200) {
      this.fail(String(answer.status));
      return;
    }
    this.answers += 1;
    if (this.latencies.length < MAX_ANSWERS) {
      this.latencies.push(answer.totalMs);
      this.firstBytes.push(answer.firstByteMs);
    }
    const cost =
      /\r\nx-nutroute-cost-msat: *(\d+)/i.exec(answer.head) ??
      /"total_msats":(\d+)/.exec(answer.tail);
    this.costMsat += Number(cost?.[1] ?? 0);
  }

  fail(why: string): void {
    this.failures[why] = (this.failures[why] ?? 0) + 1;
  }
}

function requestOf(job: Job, credential: readonly string[]): Buffer {
  return Buffer.from(
    [
      `POST ${job.path} HTTP/1.1`,
      'host: 127.0.0.1',
      'content-type: application/json',
      'accept: application/json',
      'user-agent: OpenAI/JS 7.57.0',
      ...credential,
      `content-length: ${Buffer.byteLength(job.body)}`,
      '',
      job.body,
    ].join('\r\n'),
  );
}

async function run(job: Job): Promise<JobResult> {
  const tally = new Tally();
  const tokens = [...(job.tokens ?? [])];
  const startedAt = nowMs();
  const endsAt = startedAt + job.ms;
  const connections = Array.from({ length: job.connections }, (_, index) => index);
  await Promise.all(connections.map((index) => client(job, { tally, tokens, endsAt, index })));
  return {
    answers: tally.answers,
    failures: tally.failures,
    seconds: (nowMs() - startedAt) / 1_000,
    latency: spreadOf(tally.latencies),
    firstByte: spreadOf(tally.firstBytes),
    costMsat: tally.costMsat,
    change: tally.change,
    tokensUsed: tally.tokensUsed,
  };
}

interface ClientParts {
  readonly tally: Tally;
  readonly tokens: string[];
  readonly endsAt: number;
  readonly index: number;
}

async function client(job: Job, { tally, tokens, endsAt, index }: ClientParts): Promise<void> {
  if (job.spreadMs !== undefined) await sleep((index / job.connections) * job.spreadMs);
  const connection = idle.get(job.url)?.pop() ?? openConnection(job.url);
  const own = job.credentials?.[index % job.credentials.length];
  const fixed = own === undefined ? undefined : requestOf(job, own);
  let token = job.pay === 'chain' ? tokens.pop() : undefined;
  while (nowMs() < endsAt) {
    if (job.pay === 'fresh') token = tokens.pop();
    if (fixed === undefined && token === undefined) break;
    const request = fixed ?? requestOf(job, [`x-cashu: ${token}`]);
    if (fixed === undefined && job.pay === 'fresh') tally.tokensUsed += 1;
    try {
      const answer = await connection.send(request);
      tally.add(answer);
      if (fixed === undefined) {
        const change = /\r\nx-cashu: *(\S+)/i.exec(answer.head)?.[1];
        if (job.pay === 'chain') token = change ?? (answer.status === 200 ? undefined : token);
        else if (change !== undefined) tally.change.push(change);
      }
    } catch (error) {
      tally.fail(error instanceof Error ? error.message : String(error));
      await sleep(10);
    }
    if (job.thinkMs !== undefined) await sleep(job.thinkMs);
  }
  if (job.pay === 'chain' && token !== undefined) tally.change.push(token);
  idle.set(job.url, [...(idle.get(job.url) ?? []), connection]);
}

function spreadOf(values: number[]): Spread {
  const sorted = Float64Array.from(values).toSorted();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

serveParent({
  run,
  /** Sends one request and leaves; tells when. */
  async leave({ job, ms }: { job: Job; ms: number }) {
    const connection = openConnection(job.url);
    return connection.sendAndLeave(requestOf(job, job.credentials?.[0] ?? []), ms);
  },
  /** Closes the connections that stayed open. */
  hangUp() {
    for (const connection of [...idle.values()].flat()) connection.close();
    idle.clear();
    return null;
  },
});
process.send?.({ url: '' });
