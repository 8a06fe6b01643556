import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { cacheFolder, install, removeOldDrafts } from './installation.ts';
import type { Installation, Recipe } from './installation.ts';
import { searchLogs } from './log-canary.ts';
import { engine, khatru, nutshell, openaiPython } from './recipes.ts';

/**
 * `npm run test:interop [-- --all] [-- FILTER...]`: installs real mints, engines and clients, runs the tests against them and
 * searches the routers' logs for secrets. `--all`: what would be skipped for a missing tool is a failure.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COUNTERPARTS: readonly { readonly recipe: Recipe; readonly variable: string }[] = [
  { recipe: nutshell, variable: 'NUTROUTE_INTEROP_NUTSHELL' },
  { recipe: engine, variable: 'NUTROUTE_INTEROP_ENGINE' },
  { recipe: openaiPython, variable: 'NUTROUTE_INTEROP_OPENAI_PYTHON' },
  { recipe: khatru, variable: 'NUTROUTE_INTEROP_KHATRU' },
];
/** Building it takes twelve minutes, so that is left to those who want it. */
const hasCdkMintd = process.env['NUTROUTE_INTEROP_CDK_MINTD'] !== undefined;
const LOG_VARIABLE = 'NUTROUTE_TEST_LOG_DIR';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const filters = process.argv.slice(2).filter((argument) => argument !== '--all');
const needsAll = process.argv.includes('--all');
const scratch = await mkdtemp(join(tmpdir(), 'nutroute-interop-'));
const logs = process.env[LOG_VARIABLE] ?? join(scratch, 'logs');

const { env, failed: notInstalled } = await prepare();
const tests = await runTests({ ...env, [LOG_VARIABLE]: logs });
const isWhole = filters.length === 0;
const search = isWhole ? reportLogs() : { passed: 0, failed: 0, skipped: 0 };
await rm(scratch, { recursive: true });

const passed = tests.passed + search.passed;
const failed = tests.failed + search.failed + notInstalled;
const skipped = tests.skipped + (hasCdkMintd ? 0 : 1);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** Installs all counterparts at the same time; tells what is ready and what is not. */
async function prepare(): Promise<{ env: Record<string, string>; failed: number }> {
  const cache = cacheFolder(process.env);
  console.log(
    `interop: counterparts are kept in ${cache}; the first time takes about five minutes`,
  );
  await removeOldDrafts(cache);
  const env: Record<string, string> = {};
  let failed = 0;
  await Promise.all(
    COUNTERPARTS.map(async ({ recipe, variable }) => {
      const installation = await install(recipe, cache);
      console.log(`interop: ${recipe.name}: ${tell(installation)}`);
      if (installation.kind === 'ready') env[variable] = installation.folder;
      else if (installation.kind === 'failed' || needsAll) failed += 1;
    }),
  );
  if (!hasCdkMintd) {
    console.log('interop: cdk-mintd: skipped: NUTROUTE_INTEROP_CDK_MINTD names no program');
  }
  return { env, failed };
}

function tell(installation: Installation): string {
  if (installation.kind === 'ready') return `ready (${installation.seconds} s)`;
  return `${installation.kind}: ${installation.why}`;
}

async function runTests(env: Readonly<Record<string, string>>): Promise<Counts> {
  const file = join(scratch, 'report.json');
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', 'interop', ...filters];
  if (!hasCdkMintd) args.push('--exclude', 'test/interop/cdk-mintd.test.ts');
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${file}`];
  const child = spawn(join(ROOT, 'node_modules', '.bin', 'vitest'), [...args, ...reporters], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  const report = JSON.parse(await readFile(file, 'utf8')) as Record<string, number>;
  const failed = report['numFailedTests'] ?? 0;
  return {
    passed: report['numPassedTests'] ?? 0,
    // A file that cannot be loaded, or an error outside of any test, fails the run without a failed test.
    failed: code === 0 ? failed : Math.max(failed, 1),
    skipped: (report['numPendingTests'] ?? 0) + (report['numTodoTests'] ?? 0),
  };
}

function reportLogs(): Counts {
  const { files, lines, secrets, leaks } = searchLogs(logs);
  console.log(`interop: ${lines} log lines of ${files} routers, searched for ${secrets} secrets`);
  for (const { file, line, what } of leaks) console.log(`interop: ${file}:${line} holds ${what}`);
  const isGood = lines > 0 && leaks.length === 0;
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}
