import type { Log } from '../../lib/log.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { Account } from './account.ts';
import { askBalance } from './node-client.ts';
import type { NodeWay } from './node-client.ts';

export interface IntroduceParts {
  readonly log: Log;
  readonly wayTo: (account: Account) => NodeWay;
  readonly retire: (account: Account) => void;
}

/**
 * Lets a node redeem a fresh token before several requests come with it at once, which Routstr core takes for a double spend.
 * Rejects with UpstreamFailure when the node refuses the token, which is then called back.
 */
export async function introduce(
  { log, wayTo, retire }: IntroduceParts,
  account: Account,
): Promise<void> {
  const info = await askBalance(wayTo(account), account.token);
  if (info.kind !== 'refused') return;
  retire(account);
  const { node, mint } = account.row;
  log.warn({ node, mint, code: info.code }, 'a node does not take our token');
  throw new UpstreamFailure('status', 'the node does not take our payment', { status: 402 });
}
