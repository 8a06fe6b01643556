import type { Schema } from '../store/store.ts';
import { registryTables } from './registry/tables.ts';

/** What is known of other nodes, and of what we announced. Nobody but discovery/ writes these tables. */
export const discoverySchema: Schema = {
  owner: 'discovery',
  migrations: [(ddl) => [...registryTables(ddl)]],
};
