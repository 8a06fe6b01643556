import { describe, expect, test } from 'vitest';

import { createExposure, overexposed } from '../../src/app/exposure.ts';
import type { Level, Standing } from '../../src/discovery/standing.ts';
import { msatOfSat } from '../../src/lib/amount.ts';
import type { Msat } from '../../src/lib/amount.ts';

const STANDINGS: Readonly<Record<string, Standing>> = {
  stranger: standing('unknown', 50),
  other: standing('unknown', 50),
  proven: standing('proven', 500),
};

function standing(level: Level, capSat: number): Standing {
  return { level, capSat, weight: 1, why: [] };
}

const standingOf = (node: string): Standing => STANDINGS[node] ?? standing('unknown', 50);

function riskOf(atRisk: Readonly<Record<string, bigint>>): (node: string) => Msat {
  return (node) => msatOfSat(atRisk[node] ?? 0n);
}

/** What may be at risk with each of these nodes, in sat. */
function capsWith(
  atRisk: Readonly<Record<string, bigint>>,
  configured: readonly string[] = [],
): (node: string) => bigint {
  const purchases = { nodes: () => Object.keys(atRisk), riskOf: riskOf(atRisk) };
  const terms = { unknownTotalSat: 60, configured: new Set(configured) };
  const capOf = createExposure({ standing: standingOf }, purchases, terms);
  return (node) => capOf(node) / 1000n;
}

describe('the most that may be at risk', () => {
  test('with an unknown node is what the others of its like leave of their own', () => {
    const capOf = capsWith({ stranger: 20n, other: 40n, proven: 300n });

    expect(['stranger', 'other', 'third', 'proven'].map(capOf)).toEqual([20n, 40n, 0n, 500n]);
  });

  test('with unknown nodes is not used up by what lies with those that the operator configured', () => {
    const atRisk = { 'https://node.example': 3000n, configured: 900n, stranger: 20n };

    const capOf = capsWith(atRisk, ['https://node.example', 'configured']);

    expect(['stranger', 'other'].map(capOf)).toEqual([50n, 40n]);
  });
});

test('nodes that have more than they are trusted with now are told, and none that has just that', () => {
  const atRisk = { stranger: 51n, other: 50n, proven: 300n };
  const purchases = { nodes: () => Object.keys(atRisk), riskOf: riskOf(atRisk) };

  expect(overexposed({ standing: standingOf }, purchases)).toEqual(['stranger']);
});
