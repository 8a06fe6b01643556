import { randomBytes } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';

import { integer, record, reject, rootField } from '../lib/parse.ts';
import type { Fault, Field } from '../lib/parse.ts';
import { pubkeyOf } from '../nostr/npub.ts';

/** What the operator decided about a node: nothing is bought from it, or it is trusted with so many sat. */
export type Decision = { readonly block: true } | { readonly capSat: number };

/** Of many nodes, by public key in hex. */
export type Decisions = ReadonlyMap<string, Decision>;

/** Of any cap, sat. */
export const MAX_CAP_SAT = 100_000_000;
const MAX_BYTES = 1_000_000;

/** Reads the decisions in `file`; none where it does not exist. Rejects, naming the place, when it is faulty. */
export async function readDecisions(file: string): Promise<Decisions> {
  let written: string;
  try {
    written = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
  if (written.length > MAX_BYTES) throw new Error(`${file} is larger than ${MAX_BYTES} bytes`);
  return decisionsOf(written, file);
}

/**
 * Replaces the decision about `pubkey` in `file` (undefined: takes it back), for a router that runs or is started later. The
 * file is whole at any time, and only its owner's. Rejects when the file or the decision is faulty, and leaves the file alone.
 */
export async function writeDecision(
  file: string,
  pubkey: string,
  decision: Decision | undefined,
): Promise<void> {
  const decisions = new Map(await readDecisions(file));
  if (decision === undefined) decisions.delete(pubkey);
  else decisions.set(pubkey, decision);
  const text = `${JSON.stringify(Object.fromEntries(decisions), undefined, 2)}\n`;
  // What cannot be read again would take all other decisions with it.
  decisionsOf(text, file);
  await replace(file, text);
}

async function replace(file: string, text: string): Promise<void> {
  const aside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const handle = await open(aside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await rename(aside, file);
  } catch (error) {
    await unlink(aside);
    throw error;
  }
}

function decisionsOf(written: string, file: string): Decisions {
  const faults: Fault[] = [];
  const json = documentOf(written, file);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error(`${file} must hold an object of decisions`);
  }
  const decisions = new Map(
    Object.entries(json).map(([name, value]) => {
      const field = rootField(value, name, faults);
      const pubkey = pubkeyOf(name);
      if (pubkey === undefined) reject(field, 'does not stand at a public key');
      return [pubkey ?? name, decisionOf(field)];
    }),
  );
  const [fault] = faults;
  if (fault === undefined) return decisions;
  throw new Error(`${file}: ${fault.path} ${fault.message}`);
}

function documentOf(written: string, file: string): unknown {
  try {
    return JSON.parse(written);
  } catch (cause) {
    throw new Error(`${file} is not JSON`, { cause });
  }
}

function decisionOf(field: Field): Decision {
  const at = record(field, ['block', 'capSat']);
  if (at('block').value === undefined) return { capSat: integer(0, MAX_CAP_SAT)(at('capSat')) };
  if (at('block').value !== true || at('capSat').value !== undefined) {
    reject(field, 'must be { "block": true } or { "capSat": <sat> }');
  }
  return { block: true };
}
