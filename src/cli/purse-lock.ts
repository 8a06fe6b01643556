import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Makes this process the only one that uses the file `path`, until the returned function is called or the process dies.
 * Throws when another living process has it.
 */
export function lockFile(path: string): () => void {
  const lock = `${path}.lock`;
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid), { mode: 0o600 });
  try {
    if (!take(mine, lock)) {
      clearStale(lock);
      if (!take(mine, lock)) throw inUse(path, lock);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    rmSync(lock, { force: true });
  };
}

/** A link is made whole or not at all, so nobody ever reads a lock without its owner. */
function take(mine: string, lock: string): boolean {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function clearStale(lock: string): void {
  const owner = ownerOf(lock);
  // Our own number in a lock we do not hold is left from another container's process.
  if (owner === undefined || (owner !== process.pid && isAlive(owner))) return;
  const stale = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, stale);
    // Another process may have cleared it first, and then what we moved is its fresh lock.
    if (ownerOf(stale) !== owner) take(stale, lock);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  } finally {
    rmSync(stale, { force: true });
  }
}

function ownerOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

function inUse(path: string, lock: string): Error {
  return new Error(
    `another process (${ownerOf(lock) ?? 'just ended'}) is using ${path}; try again`,
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
