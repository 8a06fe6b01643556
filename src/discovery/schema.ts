import type { Schema } from '../store/store.ts';
import { announceTables } from './announce/tables.ts';
import { foundNodeTables } from './found-nodes.ts';
import { registryTables } from './registry/tables.ts';
import { trustTables } from './trust/tables.ts';
import { watchTables } from './watch/tables.ts';

/** What is known of other nodes, and of what we announced. Nobody but discovery/ writes these tables. */
export const discoverySchema: Schema = {
  owner: 'discovery',
  migrations: [
    (ddl) => [
      ...registryTables(ddl),
      ...foundNodeTables(ddl),
      ...watchTables(ddl),
      ...trustTables(ddl),
      ...announceTables(ddl),
    ],
  ],
};
