import { randomUUID } from 'node:crypto';
import { link, mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const MAX_BYTES = 4_096;
const OTHERS = 0o077;

/**
 * The text of a key file, without white space around it. Where there is none yet, it is created with `fresh()`, readable by its owner
 * only; of two processes that do so at the same time both get the same text. Rejects when others may read the file.
 */
export async function readKeyFile(
  path: string,
  fresh: () => string | Promise<string>,
): Promise<{ readonly text: string; readonly isNew: boolean }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const isNew = await createIfMissing(path, fresh);
  const file = await open(path, 'r');
  try {
    const { mode, size } = await file.stat();
    if ((mode & OTHERS) !== 0) {
      throw new Error(`other users may read ${path}: chmod 600 it, or replace the key`);
    }
    if (size > MAX_BYTES) throw new Error(`${path} is too large for a key`);
    const text = await file.readFile('utf8');
    return { text: text.trim(), isNew };
  } finally {
    await file.close();
  }
}

async function createIfMissing(
  path: string,
  fresh: () => string | Promise<string>,
): Promise<boolean> {
  if (await exists(path)) return false;
  const text = await fresh();
  // Written aside, so that a crash leaves no half key; a link, unlike a rename, replaces nothing.
  const aside = `${path}.${randomUUID()}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(`${text}\n`);
    await file.sync();
    return await linkUnlessThere(aside, path);
  } finally {
    await file.close();
    await unlink(aside);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
