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

/** Lines that nobody reads wait in memory up to this, in bytes; further ones are lost rather than the router's memory. */
const MAX_UNREAD = 16 * 1024 * 1024;

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

/** Writes at once, but not in step: lines that come while one is written go together. What waits at the exit is written then. */
function stdoutLines(): ReturnType<typeof pino.destination> {
  const lines = pino.destination({ fd: 1, sync: false, maxLength: MAX_UNREAD });
  process.once('exit', () => lines.flushSync());
  return lines;
}

/** For subcommands whose stdout is their answer: what is wrong is told on stderr, as JSON lines. */
export function createErrorLog(terminal: Terminal): Logger {
  return createLog('warn', { ...terminal, stdout: terminal.stderr }, true);
}
