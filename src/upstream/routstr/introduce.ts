import type { Log } from '../../lib/log.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { Account } from './account.ts';
import { askBalance } from './node-client.ts';
import type { NodeWay } from './node-client.ts';
import { nodeName } from './node-name.ts';

export interface IntroduceParts {
  readonly log: Log;
  readonly wayTo: (account: Account) => NodeWay;
  readonly retire: (account: Account) => void;
}

const CODE = /^(?:[a-z_]{1,48}|\d{3,5})$/;

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
  account.service = 'refused';
  retire(account);
  const { node, mint } = account.row;
  // What is no code may be our token, which is still worth something.
  const code = CODE.test(info.code) ? info.code : undefined;
  log.warn({ node: nodeName(node), mint, code }, 'a node does not take our token');
  throw new UpstreamFailure('status', 'the node does not take our payment', { status: 402 });
}
