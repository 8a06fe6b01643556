import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

import type { Fault, Field, Parser } from '../lib/parse.ts';
import { integer, list, oneOf, optional, record, reject, rootField, text } from '../lib/parse.ts';

/** A plain Cashu proof of unit sat. */
export interface PurseCoin {
  readonly mint: string;
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  /** Hex. */
  readonly C: string;
}

/** Where a token went whose change or return we wait for. */
export interface Recipient {
  readonly router: string;
  readonly token: string;
}

/** A token that is to be swapped into coins of our own. With `sentTo` it is our own, taken back from there. */
export interface TokenEntry {
  readonly kind: 'token';
  readonly id: string;
  readonly token: string;
  readonly sentTo: Recipient | undefined;
}

/** A swap that may have been sent: everything needed to send it again, and to find its outputs. */
export interface SwapEntry {
  readonly kind: 'swap';
  readonly id: string;
  readonly mint: string;
  readonly inputs: readonly PurseCoin[];
  readonly keyset: string;
  readonly outputs: readonly BlankCoin[];
  readonly createdAtMs: number;
  /** Undefined: the inputs are our own coins, of no token. */
  readonly source: TokenEntry | undefined;
}

/** An output before it is signed. */
export interface BlankCoin {
  readonly amount: bigint;
  readonly secret: string;
  /** Blinding factor, hex. */
  readonly r: string;
}

/** A token that was, or was about to be, given to a router. */
export interface SentEntry extends Recipient {
  readonly kind: 'sent';
  readonly id: string;
}

export type PurseEntry = TokenEntry | SwapEntry | SentEntry;

export interface PurseContent {
  readonly coins: readonly PurseCoin[];
  /** Unfinished business: value that is not in `coins`. */
  readonly entries: readonly PurseEntry[];
}

/** The file that holds a payer's money. */
export interface PurseFile {
  readonly content: PurseContent;
  /** Replaces the content; on disk, whole, when it returns. */
  replace(content: PurseContent): void;
}

const MAX_COINS = 1_000_000;
const MAX_ENTRIES = 1_000_000;
const MAX_TOKEN_CHARS = 200_000;

/** Opens or creates (0600, folder 0700) a purse. Throws, leaving the file alone, when it cannot be understood. */
export function openPurseFile(path: string): PurseFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let content = read(path);
  return {
    get content() {
      return content;
    },
    replace(next) {
      write(path, next);
      content = next;
    },
  };
}

function read(path: string): PurseContent {
  let written: string;
  try {
    written = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return { coins: [], entries: [] };
    }
    throw error;
  }
  const faults: Fault[] = [];
  const content = purseContent(rootField(documentOf(written, path), '', faults));
  const [fault] = faults;
  if (fault === undefined) return content;
  throw new Error(`${path} is not a purse of this version: ${fault.path} ${fault.message}`);
}

function documentOf(written: string, path: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    // The parser's message quotes the file, which is money.
    throw new Error(`${path} is damaged: it is not JSON`);
  }
}

/** Temporary file, fsync, rename, fsync of the folder: the old or the new content survives, at any moment. */
function write(path: string, content: PurseContent): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, serialize(content));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  // Windows has no handles of folders to sync.
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function serialize(content: PurseContent): string {
  return `${JSON.stringify({ version: 1, ...content }, amountAsText, 2)}\n`;
}

function amountAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function purseContent(field: Field): PurseContent {
  const at = record(field, ['version', 'coins', 'entries']);
  integer(1, 1)(at('version'));
  return {
    coins: list(coin, 0, MAX_COINS)(at('coins')),
    entries: list(entry, 0, MAX_ENTRIES)(at('entries')),
  };
}

const coin: Parser<PurseCoin> = (field) => {
  const at = record(field, ['mint', 'keyset', 'amount', 'secret', 'C']);
  return {
    mint: text(1_000)(at('mint')),
    keyset: text(66)(at('keyset')),
    amount: amount(at('amount')),
    secret: text(1_024)(at('secret')),
    C: text(66)(at('C')),
  };
};

const amount: Parser<bigint> = (field) => {
  const { value } = field;
  if (typeof value === 'string' && /^[1-9]\d{0,15}$/.test(value)) return BigInt(value);
  reject(field, 'must be an amount');
  return 0n;
};

const entry: Parser<PurseEntry> = (field) => {
  const { value } = field;
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : '';
  if (kind === 'swap') return swapEntry(field);
  return kind === 'sent' ? sentEntry(field) : tokenEntry(field);
};

const sentEntry: Parser<SentEntry> = (field) => {
  const at = record(field, ['kind', 'id', 'router', 'token']);
  return { kind: 'sent', id: text(64)(at('id')), ...recipient(at('router'), at('token')) };
};

const tokenEntry: Parser<TokenEntry> = (field) => {
  const at = record(field, ['kind', 'id', 'token', 'sentTo']);
  return {
    kind: oneOf(['token'])(at('kind')),
    id: text(64)(at('id')),
    token: text(MAX_TOKEN_CHARS)(at('token')),
    sentTo: optional(at('sentTo'), (inner) => {
      const to = record(inner, ['router', 'token']);
      return recipient(to('router'), to('token'));
    }),
  };
};

function swapEntry(field: Field): SwapEntry {
  const at = record(field, [
    'kind',
    'id',
    'mint',
    'inputs',
    'keyset',
    'outputs',
    'createdAtMs',
    'source',
  ]);
  return {
    kind: 'swap',
    id: text(64)(at('id')),
    mint: text(1_000)(at('mint')),
    inputs: list(coin, 1, MAX_COINS)(at('inputs')),
    keyset: text(66)(at('keyset')),
    outputs: list(blankCoin, 1, MAX_COINS)(at('outputs')),
    createdAtMs: integer(0, Number.MAX_SAFE_INTEGER)(at('createdAtMs')),
    source: optional(at('source'), tokenEntry),
  };
}

const blankCoin: Parser<BlankCoin> = (field) => {
  const at = record(field, ['amount', 'secret', 'r']);
  return {
    amount: amount(at('amount')),
    secret: text(1_024)(at('secret')),
    r: text(64)(at('r')),
  };
};

function recipient(router: Field, token: Field): Recipient {
  return { router: text(1_000)(router), token: text(MAX_TOKEN_CHARS)(token) };
}
