import { pino } from 'pino';
import type { Logger } from 'pino';
import pretty from 'pino-pretty';

import type { LogLevel } from '../config.ts';
import type { Terminal } from './command.ts';

/** A last net: nobody logs these on purpose. */
const SECRET_FIELDS = [
  'apiKey',
  'authorization',
  'headers.authorization',
  'headers.cookie',
  'headers["x-cashu"]',
  'preimage',
  'privateKey',
  'prompt',
  'proofs',
  'secret',
  'seed',
  'token',
];

/** Lines are written when they come to this many bytes, or after this long: a system call for each costs a busy router much. */
const WRITE_BYTES = 4096;
const WRITE_MS = 100;

/** JSON lines on stdout, or text for people where stdout is a terminal. */
export function createLog(level: LogLevel, terminal: Terminal, json: boolean): Logger {
  const isForPeople = terminal.stdout.isTTY === true && !json;
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_FIELDS, censor: '[secret]' },
  };
  if (isForPeople) {
    return pino(options, pretty({ destination: terminal.stdout, singleLine: true }));
  }
  return terminal.stdout === process.stdout
    ? pino(options, stdoutLines())
    : pino(options, terminal.stdout);
}

/** What still waits at the exit is written then; `kill -9` loses it. */
function stdoutLines(): ReturnType<typeof pino.destination> {
  const lines = pino.destination({
    fd: 1,
    sync: true,
    minLength: WRITE_BYTES,
    periodicFlush: WRITE_MS,
  });
  process.once('exit', () => lines.flushSync());
  return lines;
}

/** For subcommands whose stdout is their answer: what is wrong is told on stderr, as JSON lines. */
export function createErrorLog(terminal: Terminal): Logger {
  return createLog('warn', { ...terminal, stdout: terminal.stderr }, true);
}
