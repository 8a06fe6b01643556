import type { Discovery } from '../discovery/discovery.ts';
import { exposureCapSat } from '../discovery/trust/exposure.ts';
import type { Msat } from '../lib/amount.ts';
import { ceilToSat, msat, msatOfSat } from '../lib/amount.ts';
import type { Purchases } from '../upstream/routstr/purchases.ts';

export interface ExposureTerms {
  /** What all unknown nodes share. */
  readonly unknownTotalSat: number;
  /** Nodes that `providers` names: each has a cap of its own, and shares nothing. */
  readonly configured: ReadonlySet<string>;
}

/** The most that may be at risk with a node now: its cap, and for unknown nodes what the others of them leave of their own. */
export function createExposure(
  discovery: Pick<Discovery, 'standing'>,
  purchases: Pick<Purchases, 'nodes' | 'riskOf'>,
  { unknownTotalSat, configured }: ExposureTerms,
): (pubkey: string) => Msat {
  const isUnknown = (node: string): boolean =>
    !configured.has(node) && discovery.standing(node).level === 'unknown';
  return (pubkey) => {
    const others = purchases
      .nodes()
      .filter((node) => node !== pubkey && isUnknown(node))
      .reduce((sum, node) => sum + purchases.riskOf(node), 0n);
    const pool = { totalSat: unknownTotalSat, othersSat: Number(ceilToSat(msat(others))) };
    return msatOfSat(BigInt(exposureCapSat(discovery.standing(pubkey), pool)));
  };
}

/** Nodes that have more of ours than they are trusted with now, since they were trusted with more. */
export function overexposed(
  discovery: Pick<Discovery, 'standing'>,
  purchases: Pick<Purchases, 'nodes' | 'riskOf'>,
): readonly string[] {
  const capOf = (node: string): Msat => msatOfSat(BigInt(discovery.standing(node).capSat));
  return purchases.nodes().filter((node) => purchases.riskOf(node) > capOf(node));
}
