import { all, get, query } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import { HAS_RISK } from './account-row.ts';

const AT_RISK = `sum(disputed_msat + CASE WHEN state = 'closed' THEN 0
  ELSE deposited_msat - charged_msat - returned_msat END)`;

const RISK = query<{ risk: bigint }>(
  `SELECT coalesce(${AT_RISK}, 0) AS risk FROM node_account WHERE node = ? AND ${HAS_RISK}`,
);
const PAST_RISKS = query<{ node: string; risk: bigint }>(
  `SELECT node, ${AT_RISK} AS risk FROM node_account
   WHERE state IN ('closed', 'lost') AND ${HAS_RISK} GROUP BY node`,
);
const RISKS = query<{ node: string; risk: bigint }>(
  `SELECT node, ${AT_RISK} AS risk FROM node_account WHERE ${HAS_RISK} GROUP BY node`,
);
const TOTALS = query<{
  node: string;
  deposited: bigint;
  charged: bigint;
  returned: bigint;
  lost: bigint;
}>(
  `SELECT node, sum(deposited_msat) AS deposited, sum(charged_msat) AS charged, sum(returned_msat) AS returned,
     sum(lost_msat) AS lost FROM node_account GROUP BY node ORDER BY node`,
);

/** The sums of a node that count against its cap. */
export function* riskOfNode(node: string): Operation<bigint> {
  return (yield* get(RISK, node))?.risk ?? 0n;
}

/** What accounts that are over leave at risk, by node. */
export function pastRisks(): Operation<{ node: string; risk: bigint }[]> {
  return all(PAST_RISKS);
}

export function nodeTotals() {
  return all(TOTALS);
}

/** What is at risk with each node. */
export function nodeRisks(): Operation<{ node: string; risk: bigint }[]> {
  return all(RISKS);
}
