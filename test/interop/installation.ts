import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);

/** Something that is installed once into the cache folder. */
export interface Recipe {
  readonly name: string;
  /** Part of the folder's name: change it with the recipe. */
  readonly version: string;
  readonly needs: readonly Tool[];
  /** Fills an empty folder, which gets another name afterwards. */
  build(folder: string): Promise<void>;
  /** Rejects when a filled folder does not work (any more). */
  check(folder: string): Promise<void>;
}

/** Something that the machine has to have. */
export interface Tool {
  readonly name: string;
  /** A command line that works where it is there. */
  readonly probe: readonly [string, ...string[]];
}

export type Installation =
  | { readonly kind: 'ready'; readonly folder: string; readonly seconds: number }
  | { readonly kind: 'skipped'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

/** Where installations are kept between runs. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CACHE_HOME'];
  // As the XDG specification wants it: a relative path is ignored.
  return join(
    base?.startsWith('/') === true ? base : join(homedir(), '.cache'),
    'nutroute-interop',
  );
}

/** Takes the installation from the cache, or builds it there: under another name first, so that it is complete or absent. */
export async function install(recipe: Recipe, cache: string): Promise<Installation> {
  const missing = await missingOf(recipe.needs);
  if (missing.length > 0) return { kind: 'skipped', why: `needs ${missing.join(' and ')}` };
  const folder = join(cache, `${recipe.name}-${recipe.version}-${process.arch}`);
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  if (await works(recipe, folder)) return { kind: 'ready', folder, seconds: seconds() };
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, `${recipe.name}.draft-`));
  try {
    await recipe.build(draft);
    await recipe.check(draft);
    await replace(draft, folder, recipe);
    return { kind: 'ready', folder, seconds: seconds() };
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

interface Outputs {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects with the last lines it wrote; resolves with its stdout. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await runFile(command, args, {
      env: { ...process.env, ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & Partial<Outputs>;
    const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
    const what = [command, ...args.slice(0, 3)].join(' ');
    throw new Error(`${what} failed:\n${last === '' ? message : last}`, { cause: error });
  }
}

async function works(recipe: Recipe, folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  try {
    await recipe.check(folder);
    return true;
  } catch {
    // For instance: the system's Python has moved on. It is built again.
    return false;
  }
}

async function replace(draft: string, folder: string, recipe: Recipe): Promise<void> {
  try {
    await rename(draft, folder);
  } catch {
    // Another run was faster, or what is there is broken.
    if (await works(recipe, folder)) return;
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  }
}

async function missingOf(tools: readonly Tool[]): Promise<string[]> {
  const missing: string[] = [];
  for (const { name, probe } of tools) {
    const [command, ...args] = probe;
    await run(command, args).catch(() => missing.push(name));
  }
  return missing;
}

const DAY_MS = 86_400_000;

/** Removes what interrupted runs left behind. A younger draft may be somebody's who builds just now. */
export async function removeOldDrafts(cache: string): Promise<void> {
  if (!existsSync(cache)) return;
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const isOld = Date.now() - (await stat(path)).mtimeMs > DAY_MS;
    if (isOld && name.includes('.draft-')) await rm(path, { recursive: true, force: true });
  }
}
