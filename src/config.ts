import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import type { ProvidersFile } from './config/providers-file.ts';
import { providersFile } from './config/providers-file.ts';
import type { Fault, Field } from './lib/parse.ts';
import { oneOf, rootField } from './lib/parse.ts';

/** What every subcommand knows: where things are. Paths are absolute. */
export interface Settings {
  readonly host: string;
  /** 0: the system chooses a free one. */
  readonly port: number;
  readonly home: string;
  /** Path of the SQLite file. */
  readonly database: string;
  readonly configFile: string;
  readonly logLevel: LogLevel;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Settings and the content of providers.json: frozen plain data, secrets resolved. Never log it whole. */
export interface Config extends Settings, ProvidersFile {}

/** Where a configuration comes from. A flag beats an environment variable beats the default. */
export interface ConfigSources {
  readonly flags: Readonly<Partial<Record<SettingFlag, string>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export type SettingFlag = 'host' | 'port' | 'home' | 'database' | 'config' | 'log-level';

/** A configuration that cannot be used, with all that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** `missing`: there is no providers.json. */
  readonly kind: 'missing' | 'faulty';
  readonly faults: readonly Fault[];

  constructor(kind: 'missing' | 'faulty', faults: readonly Fault[], cause?: unknown) {
    super(
      faults.map((fault) => `${fault.path}: ${fault.message}`).join('\n'),
      cause === undefined ? undefined : { cause },
    );
    this.kind = kind;
    this.faults = faults;
  }
}

/** A file beyond this is no list of providers. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Reads settings and providers.json. Throws ConfigError with every fault of both. */
export function loadConfig(sources: ConfigSources): Config {
  const faults: Fault[] = [];
  const settings = readSettings(sources, faults);
  const document = readDocument(settings.configFile, faults);
  const file = providersFile(rootField(document, '', faults), {
    env: sources.env,
    directory: dirname(settings.configFile),
  });
  if (faults.length > 0) throw new ConfigError('faulty', faults);
  return deepFreeze({ ...settings, ...file });
}

/** Reads the settings alone, for subcommands that need no providers. Throws ConfigError. */
export function loadSettings(sources: ConfigSources): Settings {
  const faults: Fault[] = [];
  const settings = readSettings(sources, faults);
  if (faults.length > 0) throw new ConfigError('faulty', faults);
  return deepFreeze(settings);
}

function readSettings(sources: ConfigSources, faults: Fault[]): Settings {
  const setting = (flag: SettingFlag, variable: string, fallback: string): Field => {
    const fromFlag = sources.flags[flag];
    if (fromFlag !== undefined) return rootField(fromFlag, `--${flag}`, faults);
    const fromEnv = sources.env[variable];
    // An empty variable is how compose files and shells say "not set".
    return rootField(
      fromEnv === undefined || fromEnv === '' ? fallback : fromEnv,
      variable,
      faults,
    );
  };
  const path = (field: Field): string => absolutePath(String(field.value), sources.cwd);

  const home = path(setting('home', 'NUTROUTE_HOME', '~/.nutroute'));
  const database = setting('database', 'DATABASE_URL', `file:${join(home, 'nutroute.db')}`);
  return {
    host: hostOf(setting('host', 'HOST', '127.0.0.1')),
    port: portOf(setting('port', 'PORT', '8402')),
    home,
    database: absolutePath(databasePath(database), sources.cwd),
    configFile: path(setting('config', 'NUTROUTE_CONFIG', 'providers.json')),
    logLevel: oneOf<LogLevel>(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])(
      setting('log-level', 'LOG_LEVEL', 'info'),
    ),
  };
}

function hostOf(field: Field): string {
  const host = String(field.value);
  if (/^[\w.:-]{1,255}$/.test(host)) return host;
  field.faults.push({ path: field.path, message: 'must be a host name or an address' });
  return '127.0.0.1';
}

function portOf(field: Field): number {
  const written = String(field.value);
  const port = Number(written);
  if (/^\d{1,5}$/.test(written) && port <= 65_535) return port;
  field.faults.push({ path: field.path, message: 'must be a port from 0 to 65535' });
  return 0;
}

function databasePath(field: Field): string {
  const path = /^file:(?:\/\/(?=\/))?([^?#]+)$/.exec(String(field.value))?.[1];
  if (path !== undefined) return path;
  field.faults.push({
    path: field.path,
    message: 'must be file:PATH; other databases are not supported by this version',
  });
  return 'nutroute.db';
}

function absolutePath(path: string, cwd: string): string {
  return path === '~' || path.startsWith('~/')
    ? join(homedir(), path.slice(1))
    : resolve(cwd, path);
}

function readDocument(path: string, faults: Fault[]): unknown {
  let content: string;
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error('it is too large');
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT') {
      const missing = { path, message: 'there is no such file' };
      throw new ConfigError('missing', [missing, ...faults], cause);
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      'faulty',
      [...faults, { path, message: `cannot be read: ${why}` }],
      cause,
    );
  }
  try {
    return JSON.parse(content);
  } catch (cause) {
    // The parser's message quotes the file, which may hold a secret by mistake: only the place is told.
    const place = cause instanceof Error ? /\(line \d+ column \d+\)/.exec(cause.message)?.[0] : '';
    const message = `is not JSON ${place ?? ''}`.trimEnd();
    throw new ConfigError('faulty', [...faults, { path, message }], cause);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
