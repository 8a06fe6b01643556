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

/** JSON lines on stdout, or text for people where stdout is a terminal. Lines are written before the call returns. */
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
    ? pino(options, pino.destination({ fd: 1, sync: true }))
    : pino(options, terminal.stdout);
}

/** For subcommands whose stdout is their answer: what is wrong is told on stderr, as JSON lines. */
export function createErrorLog(terminal: Terminal): Logger {
  return createLog('warn', { ...terminal, stdout: terminal.stderr }, true);
}
