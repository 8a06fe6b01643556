import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ledgerSchema } from '../../src/ledger/schema.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Schema, Store } from '../../src/store/store.ts';

export interface TestStore extends AsyncDisposable {
  readonly store: Store;
  readonly database: string;
}

/** A real database in a folder of its own, gone at the end of the test. */
export async function testStore(schemas: readonly Schema[] = [ledgerSchema]): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-store-'));
  const database = `file:${join(folder, 'test.db')}`;
  const onFatal = (cause: unknown): void => {
    throw cause;
  };
  const store = await openStore({ database, schemas, log: silentLog, onFatal });
  return {
    store,
    database,
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
