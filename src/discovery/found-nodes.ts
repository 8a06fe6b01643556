import { createHash } from 'node:crypto';

import type { Log } from '../lib/log.ts';
import { parseJson, itemsOf } from '../openai/json-object.ts';
import { all, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Ddl, Store } from '../store/store.ts';
import { domainOf } from './hosts.ts';
import type { KnownNode } from './known-node.ts';

/**
 * A node at a URL that somebody hinted at; no announcement of it is known. Any URL can name any key, so it goes by one of its own,
 * and earns no other's trust. Its `d` is that URL, and it was announced at 0.
 */
export interface FoundNode extends KnownNode {
  readonly told: string;
}

/** The key of what is only known by its URL: a hash, to which nobody has the secret. */
export function keyOfUrl(url: string): string {
  return createHash('sha256').update(`node at ${url}`).digest('hex');
}

export function foundNodeTables(ddl: Ddl): readonly string[] {
  return [
    ddl.table('found_node', [
      `url ${ddl.text} PRIMARY KEY`,
      // The key that it names.
      `pubkey ${ddl.text} NOT NULL`,
      `name ${ddl.text} NOT NULL`,
      `about ${ddl.text} NOT NULL`,
      `version ${ddl.text}`,
      // A JSON list.
      `mints ${ddl.text} NOT NULL`,
    ]),
  ];
}

interface FoundNodeRow {
  readonly url: string;
  readonly pubkey: string;
  readonly name: string;
  readonly about: string;
  readonly version: string | null;
  readonly mints: string;
}

const FOUND_NODES = query<FoundNodeRow>('SELECT * FROM found_node ORDER BY url');
const UPSERT_FOUND_NODE = query(
  `INSERT INTO found_node (url, pubkey, name, about, version, mints) VALUES (?, ?, ?, ?, ?, ?)
   ON CONFLICT (url) DO UPDATE SET pubkey = excluded.pubkey, name = excluded.name, about = excluded.about,
     version = excluded.version, mints = excluded.mints`,
);
const DELETE_FOUND_NODE = query('DELETE FROM found_node WHERE url = ?');

const MAX_FOUND = 500;
const MAX_FOUND_PER_DOMAIN = 50;

/** The nodes that were found, in memory and in their table. */
export interface FoundNodes {
  /** The same array until something changes. */
  all(): readonly FoundNode[];
  /** Ignores what is beyond 500 nodes, or 50 of one domain. */
  keep(node: FoundNode): Promise<void>;
  drop(url: string): Promise<void>;
  onChange(listener: () => void): void;
  load(): Promise<void>;
}

export function createFoundNodes(store: Store, log: Log): FoundNodes {
  const nodes = new Map<string, FoundNode>();
  const listeners: (() => void)[] = [];
  let list: readonly FoundNode[] = [];
  const changed = async (write: () => Operation<unknown>): Promise<void> => {
    list = [...nodes.values()];
    for (const listener of listeners) listener();
    try {
      await store.write(write);
    } catch (cause) {
      log.error({ event: 'found_node_not_written', err: cause }, 'a found node was not written');
    }
  };
  return {
    all: () => list,
    async keep(node) {
      if (!nodes.has(node.d) && !hasRoom(node.d, nodes)) return;
      nodes.set(node.d, node);
      await changed(() => upsert(node));
    },
    async drop(url) {
      if (nodes.delete(url)) await changed(() => run(DELETE_FOUND_NODE, url));
    },
    onChange: (listener) => void listeners.push(listener),
    async load() {
      for (const node of await store.read(readAll)) nodes.set(node.d, node);
      list = [...nodes.values()];
    },
  };
}

function hasRoom(url: string, nodes: ReadonlyMap<string, FoundNode>): boolean {
  if (nodes.size >= MAX_FOUND) return false;
  const domain = domainOf(url);
  const neighbours = [...nodes.keys()].filter((other) => domainOf(other) === domain);
  return neighbours.length < MAX_FOUND_PER_DOMAIN;
}

function* readAll(): Operation<readonly FoundNode[]> {
  const rows = yield* all(FOUND_NODES);
  return rows.map(({ url, pubkey, version, mints, ...row }) => ({
    ...row,
    pubkey: keyOfUrl(url),
    told: pubkey,
    d: url,
    urls: [url],
    createdAt: 0,
    version: version ?? undefined,
    mints: itemsOf(parseJson(mints)).filter((mint) => typeof mint === 'string'),
  }));
}

function* upsert({ d: url, told, name, about, version, mints }: FoundNode): Operation<void> {
  const texts = [name, about, version ?? null, JSON.stringify(mints)];
  yield* run(UPSERT_FOUND_NODE, url, told, ...texts);
}
