import { JSONInt } from '@cashu/cashu-ts';

/** The ways to write one token, made by hand so that odd and wrong ones can be written too. */
export interface Spelled {
  readonly mint: string;
  readonly coins: readonly SpelledCoin[];
  readonly unit?: string | undefined;
  readonly memo?: string | undefined;
  readonly dleq?: boolean;
  /** cashuA: hex in upper case. */
  readonly upper?: boolean;
  /** cashuA: base64 with padding instead of base64url. */
  readonly padded?: boolean;
  /** cashuB: the first 8 bytes of the keyset id. */
  readonly shortId?: boolean;
  /** cashuB: into how many groups of one keyset the coins are split. */
  readonly groups?: number;
}

export interface SpelledCoin {
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  readonly C: Uint8Array;
  readonly dleq?:
    | { readonly e: Uint8Array; readonly s: Uint8Array; readonly r: Uint8Array }
    | undefined;
}

export function spellA(token: Spelled): string {
  const hex = (bytes: Uint8Array): string => {
    const text = Buffer.from(bytes).toString('hex');
    return token.upper === true ? text.toUpperCase() : text;
  };
  const proofs = token.coins.map(({ keyset, amount, secret, C, dleq }) => ({
    C: hex(C),
    secret,
    amount,
    id: token.upper === true ? keyset.toUpperCase() : keyset,
    ...(dleq === undefined || token.dleq === false
      ? {}
      : { dleq: { e: hex(dleq.e), s: hex(dleq.s), r: hex(dleq.r) } }),
  }));
  const { unit = 'sat', memo, mint } = token;
  const json = JSONInt.stringify({ memo, token: [{ mint, proofs }], unit }) ?? '';
  const encoding = token.padded === true ? 'base64' : 'base64url';
  return `cashuA${Buffer.from(json).toString(encoding)}`;
}

export function spellB(token: Spelled): string {
  const groups = Math.max(1, token.groups ?? 1);
  const lists = Array.from({ length: groups }, (_, group) =>
    token.coins.filter((_, i) => i % groups === group),
  ).filter((list) => list.length > 0);
  const encoded = map({
    m: text(token.mint),
    u: text(token.unit ?? 'sat'),
    t: array(lists.map((list) => groupOf(list, token))),
    ...(token.memo === undefined ? {} : { d: text(token.memo) }),
  });
  return `cashuB${encoded.toString('base64url')}`;
}

function groupOf(coins: readonly SpelledCoin[], token: Spelled): Buffer {
  const id = Buffer.from(coins[0]?.keyset ?? '', 'hex');
  return map({
    i: bytes(token.shortId === true ? id.subarray(0, 8) : id),
    p: array(
      coins.map(({ amount, secret, C, dleq }) =>
        map({
          a: head(0, amount),
          s: text(secret),
          c: bytes(C),
          ...(dleq === undefined || token.dleq === false
            ? {}
            : { d: map({ e: bytes(dleq.e), s: bytes(dleq.s), r: bytes(dleq.r) }) }),
        }),
      ),
    ),
  });
}

function head(major: number, value: bigint): Buffer {
  const lead = (info: number): number => (major << 5) | info;
  if (value < 24n) return Buffer.from([lead(Number(value))]);
  if (value < 256n) return Buffer.from([lead(24), Number(value)]);
  const long = Buffer.alloc(9);
  long[0] = lead(27);
  long.writeBigUInt64BE(value, 1);
  return long;
}

function bytes(value: Uint8Array): Buffer {
  return Buffer.concat([head(2, BigInt(value.length)), value]);
}

function text(value: string): Buffer {
  const utf8 = Buffer.from(value, 'utf8');
  return Buffer.concat([head(3, BigInt(utf8.length)), utf8]);
}

function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([head(4, BigInt(items.length)), ...items]);
}

function map(entries: Readonly<Record<string, Buffer>>): Buffer {
  const pairs = Object.entries(entries).flatMap(([key, value]) => [text(key), value]);
  return Buffer.concat([head(5, BigInt(pairs.length / 2)), ...pairs]);
}
