import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OWNER_ONLY = 0o600;

/**
 * The absolute path that `file:/path/x.db`, `file:x.db` or `file:///path/x.db` names. Throws for every other database; the
 * error shows no more of it than its scheme, since such a URL may hold a password.
 */
export function databaseFile(database: string): string {
  if (!database.startsWith('file:')) {
    const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(database)?.[0] ?? 'no scheme';
    throw new Error(`the database must be file:<path to an SQLite file>, not a URL with ${scheme}`);
  }
  const path = database.slice('file:'.length).trim();
  if (path === '' || path === ':memory:' || path.includes('?')) {
    throw new Error(`the database must be file:<path>, without parameters: ${database}`);
  }
  return path.startsWith('//') ? fileURLToPath(database) : resolve(path);
}

/** One name per database: a second process that comes through a symbolic link must meet the same lock. */
export function realDatabaseFile(file: string): string {
  return existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), basename(file));
}

/** Creates the folder that will hold `file`, for its owner only. An existing one is left as it is. */
export function createFolder(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}

/**
 * Creates an empty file that only its owner can read, before SQLite would create it readable for all. SQLite gives its
 * -wal and -shm files the same mode. False if the file exists, which is then not even opened: closing a descriptor of a
 * database drops the locks that this process holds on it.
 */
export function createPrivateFile(file: string): boolean {
  if (existsSync(file)) return false;
  closeSync(openSync(file, 'wx', OWNER_ONLY));
  return true;
}
