import type { Crypto } from '../crypto/crypto.ts';
import { ACCEPTED_UNIT, isKeysetId, keysetWithKeys, shortKeysetId } from './keyset.ts';
import type { Keyset, KeysetListing } from './keyset.ts';
import type { MintClient } from './mint-client.ts';
import { MintFailure } from './mint-failure.ts';

export interface Admission {
  readonly client: Pick<MintClient, 'keys'>;
  readonly crypto: Pick<Crypto, 'isPoint'>;
  readonly warn: (keyset: string, message: string) => void;
}

/** Keysets whose keys one refresh asks for (nutshell allows 60 requests a minute); the next one goes on. */
const MAX_NEW_KEYS = 20;
/** Of one mint, for ever. */
const MAX_KEPT = 1000;

/**
 * What we make of a mint's list of keysets: the keys of known ones are kept, those of new ones fetched and proven, faulty and
 * ambiguous ones refused with a warning. A mint that stops answering midway leaves its remaining new ones to the next time.
 */
export async function admitKeysets(
  listings: readonly KeysetListing[],
  known: ReadonlyMap<string, Keyset>,
  admission: Admission,
): Promise<Map<string, Keyset>> {
  const admitted = new Map<string, Keyset>();
  const shortIds = new Set<string>();
  const kept = [...known.values()].filter(({ keys }) => keys.size > 0).length;
  let budget = Math.min(MAX_NEW_KEYS, MAX_KEPT - kept);
  for (const listing of inOrder(listings, known)) {
    const keyset = known.get(listing.id);
    const hasKeys = keyset !== undefined && keyset.keys.size > 0;
    if (listing.unit !== ACCEPTED_UNIT) {
      if (!hasKeys) admitted.set(listing.id, keysetWithKeys(listing, new Map()));
      continue;
    }
    if (shortIds.has(shortKeysetId(listing.id))) {
      admission.warn(listing.id, 'refused a keyset: its short id is that of another one');
      continue;
    }
    if (!hasKeys && budget <= 0) continue;
    const result = hasKeys ? updated(keyset, listing) : await fetched(listing, admission);
    if (!hasKeys) budget = result === 'away' ? 0 : budget - 1;
    if (typeof result === 'string') continue;
    shortIds.add(shortKeysetId(result.id));
    admitted.set(result.id, result);
  }
  return admitted;
}

/** Known ones first, so that a newcomer never takes over a short id; then active ones, which are needed first. */
function inOrder(
  listings: readonly KeysetListing[],
  known: ReadonlyMap<string, Keyset>,
): KeysetListing[] {
  const rank = ({ id, active }: KeysetListing): number => {
    if (known.has(id)) return 0;
    return active ? 1 : 2;
  };
  return listings.toSorted((a, b) => rank(a) - rank(b));
}

async function fetched(
  listing: KeysetListing,
  { client, crypto, warn }: Admission,
): Promise<Keyset | 'refused' | 'away'> {
  let keys: ReadonlyMap<bigint, Uint8Array>;
  try {
    keys = await client.keys(listing.id);
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    warn(listing.id, 'a mint did not give the keys of its keyset');
    const isRefusal = error.reason === 'rejected' || error.reason === 'keyset';
    return isRefusal ? 'refused' : 'away';
  }
  const arePoints = [...keys.values()].every((key) => crypto.isPoint(key));
  if (arePoints && isKeysetId(listing, keys)) return keysetWithKeys(listing, keys);
  warn(listing.id, 'refused a keyset: its id does not match its keys, unit, fee and expiry');
  return 'refused';
}

/** The activity of a keyset may change, and its fee where the id does not cover it. */
function updated(known: Keyset, listing: KeysetListing): Keyset {
  const same = { ...known, active: listing.active };
  if (listing.ppk === known.ppk) return same;
  const changed = { ...same, ppk: listing.ppk };
  return isKeysetId(changed, changed.keys) ? changed : same;
}
