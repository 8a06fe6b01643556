#!/usr/bin/env node
// Only built-in modules may be imported above the version check: on an older Node our dependencies fail to load or crash.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED_MAJOR = 24;
/** Set for the process we start, so that a Node which lies about its version cannot make us start it for ever. */
const GUARD = 'NUTROUTE_BUNDLED_NODE';
const FAILED = 1;

const isNewEnough = Number(process.versions.node.split('.')[0]) >= REQUIRED_MAJOR;
if (isNewEnough) {
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.exitCode = await runWithBundledNode();
}

/** Runs this program again with the Node of the optional package for this platform; resolves with the exit code. */
async function runWithBundledNode(): Promise<number> {
  const node = process.env[GUARD] === undefined ? findBundledNode() : undefined;
  if (node === undefined) return explain('no newer one came with the installation');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [GUARD]: '1' },
  });
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const forwarded: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of forwarded) process.on(signal, forward);
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve(explain(`the one that came with the installation does not start: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      // As shells do: 128 and the number of the signal.
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function findBundledNode(): string | undefined {
  try {
    const name = `node-${process.platform}-${process.arch}/package.json`;
    return join(dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'node');
  } catch {
    // Not every platform has such a package; the caller tells what to do.
    return undefined;
  }
}

function explain(why: string): number {
  process.stderr.write(
    `nutroute needs Node ${REQUIRED_MAJOR} or newer. This is ${process.version}, and ${why}.\n` +
      'Install a newer Node from https://nodejs.org and start nutroute again.\n',
  );
  return FAILED;
}
