import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer } from '../../src/demo/model-server.ts';
import { main } from '../../src/main.ts';

type Line = Readonly<Record<string, unknown>>;

let home: string;
let mint: DemoMint;
let model: ModelServer;
let children: ChildProcess[];
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'nutroute-serve-'));
  mint = await startMint();
  model = await startModelServer({ models: [{ id: 'demo-model' }] });
  children = [];
  const price = { unit: 'sat', input: 5000, output: 20_000 };
  const provider = { id: 'p', kind: 'openai', baseUrl: model.url, models: '*', price };
  const file = { mints: [mint.url], bitcoin: { usd: 60_000 }, providers: [provider] };
  writeFileSync(join(home, 'providers.json'), JSON.stringify(file));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all([mint.close(), model.close()]);
  rmSync(home, { recursive: true });
});

function serve(): { child: ChildProcess; lines: Line[]; line: (event: string) => Promise<Line> } {
  const bin = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0'], {
    cwd: home,
    env: { ...process.env, NUTROUTE_HOME: join(home, 'data') },
  });
  children.push(child);
  const lines: Line[] = [];
  const reader = createInterface({ input: child.stdout });
  const found = new Map<string, (line: Line) => void>();
  reader.on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    found.get(String(line['event']))?.(line);
  });
  const line = (event: string): Promise<Line> =>
    new Promise((resolve) => {
      const known = lines.find((candidate) => candidate['event'] === event);
      if (known === undefined) found.set(event, resolve);
      else resolve(known);
    });
  return { child, lines, line };
}

async function run(...argv: string[]): Promise<{ code: number; stdout: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const env = { NUTROUTE_HOME: join(home, 'data') };
  const code = await main(argv, { stdin, stdout, stderr, env, cwd: home });
  return { code, stdout: String(stdout.read() ?? '') };
}

describe('nutroute serve', () => {
  test('tells where it listens, takes paid requests, and exits 0 when it is told to stop', async () => {
    const { child, line } = serve();
    const { url } = await line('listening');
    const health = await fetch(`${String(url)}/health`);
    const answer = await fetch(`${String(url)}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mint.faucet(500)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo-model', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    const said = await answer.text();
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');

    expect(health.status).toBe(200);
    expect(said).toContain('choices');
    expect(answer.status).toBe(200);
    expect(code).toBe(0);
  });

  test('says at its first start how to back up the seeds, and not again', async () => {
    const first = serve();
    await first.line('listening');
    first.child.kill('SIGTERM');
    await once(first.child, 'exit');
    const second = serve();
    await second.line('listening');
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');

    const seedLines = (lines: readonly Line[]): number =>
      lines.filter(({ event }) => event === 'seed_created').length;
    expect(seedLines(first.lines)).toBe(1);
    expect(seedLines(second.lines)).toBe(0);
    expect(statSync(join(home, 'data')).mode & 0o777).toBe(0o700);
  });

  test('nutroute ask pays it, doctor finds its books in order, and every sat is somewhere', async () => {
    const { child, line } = serve();
    const { url } = await line('listening');
    const flags = ['--fund', mint.faucet(500), '--router', String(url), '--json'];
    const asked = await run('ask', 'Hello?', ...flags);
    const checked = await run('doctor');
    child.kill('SIGTERM');
    await once(child, 'exit');
    const earned = await run('wallet', 'balance', '--json');

    const answer = JSON.parse(asked.stdout) as { costMsat: number; balanceSat: number };
    expect(answer.costMsat).toBeGreaterThan(0);
    expect(checked.stdout).toMatch(/ok {5}books: 1 requests charged/);
    expect(checked.code).toBe(0);
    const { mints } = JSON.parse(earned.stdout) as { mints: { sat: number }[] };
    const earnedSat = mints.reduce((sum, { sat }) => sum + sat, 0);
    expect(answer.balanceSat + earnedSat).toBe(mint.books().outstanding);
  });

  test('a second router on one database is told so', async () => {
    const first = serve();
    await first.line('listening');
    const second = serve();
    let stderr = '';
    second.child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = await once(second.child, 'exit');

    expect(code).toBe(1);
    expect(stderr).toContain('in use by another process');
  });
});
