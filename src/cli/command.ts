import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';

import type { ConfigSources } from '../config.ts';

/** Exit codes of every subcommand. */
export const OK = 0;
export const FAILED = 1;
export const WRONG_USAGE = 2;

/** One option of a subcommand. */
export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value in the help, as `URL`. */
  readonly value?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What a subcommand talks to; tests give their own. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The parsed command line of a subcommand. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The last value given for a flag. */
  text(flag: string): string | undefined;
  texts(flag: string): readonly string[];
  has(flag: string): boolean;
  readonly json: boolean;
  readonly sources: ConfigSources;
}

export interface Command {
  readonly name: string;
  /** The positional arguments, as the usage line shows them. */
  readonly positionals: string;
  readonly maxPositionals: number;
  readonly summary: string;
  /** More help, after the flags. */
  readonly details?: string;
  readonly flags: Flags;
  /** Resolves with the exit code. Throws UsageError for wrong usage; what else it throws is a failure. */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** The command line itself is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The flags that every subcommand has. */
const COMMON_FLAGS: Flags = {
  host: { type: 'string', value: 'HOST', help: 'address to listen on (HOST, 127.0.0.1)' },
  port: { type: 'string', value: 'PORT', help: 'port to listen on (PORT, 8402)' },
  home: { type: 'string', value: 'DIR', help: 'data folder (NUTROUTE_HOME, ~/.nutroute)' },
  database: {
    type: 'string',
    value: 'URL',
    help: 'database (DATABASE_URL, file:<home>/nutroute.db)',
  },
  config: {
    type: 'string',
    value: 'FILE',
    help: 'providers and mints (NUTROUTE_CONFIG, ./providers.json)',
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    help: 'trace to fatal, or silent (LOG_LEVEL, info)',
  },
  json: { type: 'boolean', help: 'print JSON for programs' },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
};

/** Parses what follows the subcommand's name. Throws UsageError. */
export function parseArguments(
  command: Command,
  argv: readonly string[],
  terminal: Terminal,
): Arguments {
  const { values, positionals } = parseStrictly({ ...COMMON_FLAGS, ...command.flags }, argv);
  const texts = (flag: string): readonly string[] =>
    [values[flag] ?? []].flat().filter((value) => typeof value === 'string');
  const text = (flag: string): string | undefined => texts(flag).at(-1);
  const isHelp = values['help'] === true;
  if (!isHelp && positionals.length > command.maxPositionals) {
    throw new UsageError(`unexpected argument: ${positionals[command.maxPositionals]}`);
  }
  const flags = Object.fromEntries(
    (['host', 'port', 'home', 'database', 'config', 'log-level'] as const).flatMap((flag) => {
      const value = text(flag);
      return value === undefined ? [] : [[flag, value] as const];
    }),
  );
  return {
    positionals,
    text,
    texts,
    has: (flag) => values[flag] === true,
    json: values['json'] === true,
    sources: { flags, env: terminal.env, cwd: terminal.cwd },
  };
}

function parseStrictly(
  flags: Flags,
  argv: readonly string[],
): {
  values: Partial<Record<string, string | boolean | (string | boolean)[]>>;
  positionals: string[];
} {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, multiple, short }]) => [
      name,
      { type, multiple: multiple === true, ...(short === undefined ? {} : { short }) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The help text of a subcommand. */
export function helpOf(command: Command): string {
  const usage = `nutroute ${command.name} ${command.positionals}`.trimEnd();
  const own = Object.entries(command.flags);
  return [
    `${command.summary}\n`,
    `Usage: ${usage} [flags]\n`,
    ...(own.length === 0 ? [] : ['Flags:', ...own.map(([name, flag]) => flagLine(name, flag)), '']),
    'Flags of every subcommand (environment variable, default):',
    ...Object.entries(COMMON_FLAGS).map(([name, flag]) => flagLine(name, flag)),
    ...(command.details === undefined ? [] : ['', command.details]),
    '',
  ].join('\n');
}

function flagLine(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const value = flag.value === undefined ? '' : ` ${flag.value}`;
  return `  ${`${short}--${name}${value}`.padEnd(24)} ${flag.help}`;
}
