import { createHash } from 'node:crypto';

/** What identifies a coin: any spelling of a token yields the same parts. */
export interface CoinParts {
  /** Full keyset id, lower-case hex. */
  readonly keyset: string;
  readonly amount: bigint;
  readonly y: Uint8Array;
  readonly C: Uint8Array;
}

const DOMAIN = 'nutroute/account/v1';

/**
 * The account of a token: 64 hex characters over its coins, whatever their order or spelling. It covers `C`, so coins with
 * the right secrets and a wrong signature are another account. It authenticates nobody.
 */
export function accountIdOf(proofs: readonly CoinParts[]): string {
  const hash = createHash('sha256').update(DOMAIN);
  const coins = proofs.map(coinBytes);
  coins.sort((a, b) => Buffer.compare(a, b));
  for (const coin of coins) hash.update(coin);
  return hash.digest('hex');
}

/** Self-delimiting: the keyset id is led by its length, the rest has a fixed one. */
function coinBytes(coin: CoinParts): Buffer {
  const keyset = Buffer.from(coin.keyset, 'utf8');
  const head = Buffer.alloc(2 + keyset.length + 8);
  head.writeUInt16BE(keyset.length, 0);
  keyset.copy(head, 2);
  head.writeBigUInt64BE(coin.amount, 2 + keyset.length);
  return Buffer.concat([head, coin.y, coin.C]);
}
