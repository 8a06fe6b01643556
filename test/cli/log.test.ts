import { PassThrough } from 'node:stream';

import { describe, expect, test } from 'vitest';

import type { Terminal } from '../../src/cli/command.ts';
import { createLog } from '../../src/cli/log.ts';
import type { LogLevel } from '../../src/config.ts';

function logTo(isTTY: boolean, level: LogLevel, json = false) {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stdin = new PassThrough();
  const terminal: Terminal = { stdin, stdout, stderr: new PassThrough(), env: {}, cwd: '/' };
  return {
    log: createLog(level, terminal, json),
    read: (): string => String(stdout.read() ?? ''),
  };
}

describe('the log', () => {
  test('is a JSON line for programs', () => {
    const { log, read } = logTo(false, 'info');
    log.info({ event: 'listening', url: 'http://127.0.0.1:8402' }, 'listening');

    expect(JSON.parse(read())).toMatchObject({
      level: 30,
      event: 'listening',
      url: 'http://127.0.0.1:8402',
      msg: 'listening',
    });
  });

  test('is text where stdout is a terminal, unless JSON is asked for', () => {
    const people = logTo(true, 'info');
    const programs = logTo(true, 'info', true);
    people.log.info({ event: 'listening' }, 'hello');
    programs.log.info({ event: 'listening' }, 'hello');

    expect(people.read()).toContain('INFO');
    expect(JSON.parse(programs.read())).toMatchObject({ msg: 'hello' });
  });

  test('keeps to its level', () => {
    const { log, read } = logTo(false, 'warn');
    log.info({}, 'quiet');
    expect(read()).toBe('');
    log.warn({}, 'loud');
    expect(read()).toContain('loud');
  });

  test('hides what looks like a secret, at any level', () => {
    const { log, read } = logTo(false, 'trace');
    log.trace(
      {
        token: 'canary',
        apiKey: 'canary',
        authorization: 'canary',
        proofs: ['canary'],
        headers: { authorization: 'canary', 'x-cashu': 'canary', accept: 'text/plain' },
      },
      'a request',
    );

    const line = read();
    expect(line).toContain('text/plain');
    expect(line).not.toContain('canary');
  });
});
