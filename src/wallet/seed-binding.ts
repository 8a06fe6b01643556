import { all, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';

const SELECT = query<{ fingerprint: string }>('SELECT fingerprint FROM seed');
const INSERT = query('INSERT INTO seed (fingerprint) VALUES (?)');

/**
 * Binds the database to a seed at its first start; false when it belongs to another one: its coins' secrets derive from that
 * seed, so with this one they could never be spent.
 */
export function* bindSeed(fingerprint: string): Operation<boolean> {
  const [bound] = yield* all(SELECT);
  if (bound !== undefined) return bound.fingerprint === fingerprint;
  yield* run(INSERT, fingerprint);
  return true;
}
