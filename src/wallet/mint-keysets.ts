import type { Crypto } from '../crypto/crypto.ts';
import type { Clock } from '../lib/clock.ts';
import { hexOf } from '../lib/hex.ts';
import type { Log } from '../lib/log.ts';
import { all, get, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Store } from '../store/store.ts';
import { admitKeysets } from './keyset-admission.ts';
import { keysetWithKeys, shortKeysetId } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { MintClient } from './mint-client.ts';
import { KEYSET_HOLDER, KEYSETS_OF_MINT, UPSERT_KEYSET } from './mint-sql.ts';
import type { KeysetRow } from './mint-sql.ts';

/** What one mint issued: cached in memory and in the database, every keyset of the accepted unit proven to match its id. */
export interface MintKeysets {
  byId(id: string): Keyset | undefined;
  matching(id: string): readonly Keyset[];
  active(unit: string): Keyset | undefined;
  /** Reads what the database knows. */
  load(): Promise<void>;
  /** Asks the mint. Rejects with MintFailure. */
  refresh(): Promise<void>;
}

export interface MintKeysetsOptions {
  readonly mint: { readonly id: bigint; readonly url: string };
  readonly client: Pick<MintClient, 'keysets' | 'keys'>;
  readonly store: Store;
  readonly crypto: Pick<Crypto, 'isPoint'>;
  readonly clock: Clock;
  readonly log: Log;
}

export function createMintKeysets(options: MintKeysetsOptions): MintKeysets {
  const { mint, client, store, clock, log } = options;
  let keysets: ReadonlyMap<string, Keyset> = new Map();
  let byShortId: ReadonlyMap<string, readonly Keyset[]> = new Map();

  const remember = (fresh: ReadonlyMap<string, Keyset>): void => {
    keysets = fresh;
    byShortId = Map.groupBy(fresh.values(), ({ id }) => shortKeysetId(id));
  };

  const warn = (keyset: string, message: string): void => {
    log.warn({ mint: mint.url, keyset }, message);
  };

  async function refresh(): Promise<void> {
    const fresh = await admitKeysets(await client.keysets(), keysets, { ...options, warn });
    // What a mint no longer lists may still be spent there, but is not asked for.
    for (const [id, keyset] of keysets) {
      if (!fresh.has(id) && keyset.keys.size > 0) fresh.set(id, { ...keyset, active: false });
    }
    const changed = [...fresh.values()].filter((keyset) => !isSame(keyset, keysets.get(keyset.id)));
    const cloned =
      changed.length === 0 ? [] : await store.write(() => storeKeysets(mint.id, changed), 'disk');
    for (const { keyset, holder } of cloned) {
      warn(keyset, `refused a keyset: its id belongs to the mint ${holder}`);
      fresh.delete(keyset);
    }
    for (const keyset of changed) {
      if (!fresh.has(keyset.id) || keyset.keys.size === 0) continue;
      const fields = { mint: mint.url, keyset: keyset.id, active: keyset.active };
      log.info({ ...fields, feePpk: Number(keyset.ppk) }, 'keyset of a mint is new or changed');
    }
    remember(fresh);
  }

  return {
    byId: (id) => keysets.get(id),
    matching(id) {
      const exact = keysets.get(id);
      return exact === undefined ? (byShortId.get(id) ?? []) : [exact];
    },
    active(unit) {
      const usable = [...keysets.values()].filter(
        (keyset) => keyset.active && keyset.unit === unit && keyset.keys.size > 0,
      );
      return usable.filter((keyset) => !isExpired(keyset, clock)).toSorted(preferred)[0];
    },
    async load() {
      const rows = await store.read(() => all(KEYSETS_OF_MINT, mint.id));
      remember(new Map(rows.map((row) => [row.id, keysetOf(row)])));
    },
    refresh,
  };
}

/** NUT-02 final expiry has passed: the mint owes nothing for its coins. */
export function isExpired(keyset: Keyset, clock: Clock): boolean {
  return keyset.expiryS !== undefined && keyset.expiryS * 1000n <= BigInt(clock.now());
}

function isSame(keyset: Keyset, known: Keyset | undefined): boolean {
  return known !== undefined && known.active === keyset.active && known.ppk === keyset.ppk;
}

function preferred(a: Keyset, b: Keyset): number {
  if (a.expiryS !== b.expiryS) {
    if (a.expiryS === undefined) return -1;
    if (b.expiryS === undefined) return 1;
    return a.expiryS > b.expiryS ? -1 : 1;
  }
  if (a.ppk !== b.ppk) return a.ppk < b.ppk ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

interface Clone {
  readonly keyset: string;
  /** URL of the mint that had it first. */
  readonly holder: string;
}

/** Writes the proven keysets, but for those that another mint already holds; returns these. */
function* storeKeysets(mint: bigint, keysets: readonly Keyset[]): Operation<Clone[]> {
  const cloned: Clone[] = [];
  for (const { id, unit, active, ppk, expiryS, keys } of keysets) {
    const holder = yield* get(KEYSET_HOLDER, id);
    if (holder !== undefined && holder.id !== mint) cloned.push({ keyset: id, holder: holder.url });
    else if (keys.size > 0) {
      const text = [...keys].map(([amount, key]) => `${amount}:${hexOf(key)}`).join(',');
      yield* run(UPSERT_KEYSET, id, mint, unit, active ? 1n : 0n, ppk, expiryS ?? null, text);
    }
  }
  return cloned;
}

function keysetOf(row: KeysetRow): Keyset {
  const pairs = row.keys.split(',').map((pair): [bigint, Uint8Array] => {
    const [amount = '', key = ''] = pair.split(':');
    return [BigInt(amount), Buffer.from(key, 'hex')];
  });
  const { id, unit, ppk } = row;
  const listing = { id, unit, ppk, active: row.active === 1n, expiryS: row.expiry_s ?? undefined };
  return keysetWithKeys(listing, new Map(pairs));
}
