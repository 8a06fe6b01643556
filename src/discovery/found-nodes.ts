import { parseJson, itemsOf } from '../openai/json-object.ts';
import { all, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Ddl } from '../store/store.ts';
import type { KnownNode } from './known-node.ts';

/**
 * A node that told its key itself, at a URL that somebody hinted at; no announcement of it is known. Its `d` is that URL, and it
 * was announced at 0.
 */
export type FoundNode = KnownNode;

export function foundNodeTables(ddl: Ddl): readonly string[] {
  return [
    ddl.table('found_node', [
      `url ${ddl.text} PRIMARY KEY`,
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

export function* foundNodes(): Operation<readonly FoundNode[]> {
  const rows = yield* all(FOUND_NODES);
  return rows.map(({ url, version, mints, ...row }) => ({
    ...row,
    d: url,
    urls: [url],
    createdAt: 0,
    version: version ?? undefined,
    mints: itemsOf(parseJson(mints)).filter((mint) => typeof mint === 'string'),
  }));
}

export function* keepFoundNode(node: FoundNode): Operation<void> {
  const { d: url, pubkey, name, about, version, mints } = node;
  const told = [name, about, version ?? null, JSON.stringify(mints)];
  yield* run(UPSERT_FOUND_NODE, url, pubkey, ...told);
}

export function* dropFoundNode(url: string): Operation<void> {
  yield* run(DELETE_FOUND_NODE, url);
}
