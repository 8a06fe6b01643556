import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where routers of tests write their logs, at the lowest level; not set: nowhere. */
export const TEST_LOG_DIR = process.env['NUTROUTE_TEST_LOG_DIR'];

/** Every prompt of a test that starts a router as a process carries it, so that no log line may. */
export const PROMPT_CANARY = 'prompt-canary-5d1c';
/** Begins the keys that such tests give to upstreams. */
export const KEY_CANARY = 'key-canary-8e4b';

let files = 0;

/** Appends to a log file of its own; undefined when no logs are wanted. */
export function openTestLog(name: string): ((text: string) => void) | undefined {
  if (TEST_LOG_DIR === undefined) return undefined;
  mkdirSync(TEST_LOG_DIR, { recursive: true });
  files += 1;
  const file = join(TEST_LOG_DIR, `${name}-${process.pid}-${files}.log`);
  return (text) => appendFileSync(file, text);
}

/** Notes a text that no log may contain: a token, a key, a seed. */
export function keepOutOfLogs(secret: string): void {
  if (TEST_LOG_DIR === undefined) return;
  mkdirSync(TEST_LOG_DIR, { recursive: true });
  appendFileSync(join(TEST_LOG_DIR, `${process.pid}.secrets`), `${secret}\n`);
}
