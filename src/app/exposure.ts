import type { DiscoveryConfig } from '../config/discovery.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { exposureCapSat } from '../discovery/trust/exposure.ts';
import type { Msat } from '../lib/amount.ts';
import { ceilToSat, msat, msatOfSat } from '../lib/amount.ts';
import type { Purchases } from '../upstream/routstr/purchases.ts';

/** The most that may be at risk with a node now: its cap, and for unknown nodes what the others of them leave of their own. */
export function createExposure(
  discovery: Discovery,
  purchases: Purchases,
  { unknownTotalSat }: DiscoveryConfig['caps'],
): (pubkey: string) => Msat {
  return (pubkey) => {
    const others = purchases
      .nodes()
      .filter((node) => node !== pubkey && discovery.standing(node).level === 'unknown')
      .reduce((sum, node) => sum + purchases.riskOf(node), 0n);
    const pool = { totalSat: unknownTotalSat, othersSat: Number(ceilToSat(msat(others))) };
    return msatOfSat(BigInt(exposureCapSat(discovery.standing(pubkey), pool)));
  };
}
