import type { Schema } from '../store/store.ts';
import { accountTables } from './routstr/account-row.ts';

/** What lies at nodes that answers are bought from. Nobody but upstream/ writes these tables. */
export const upstreamSchema: Schema = { owner: 'upstream', migrations: [accountTables] };
