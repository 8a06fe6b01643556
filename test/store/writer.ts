import { writeSync } from 'node:fs';

import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import { query, run } from '../../src/store/operation.ts';
import type { Schema } from '../../src/store/store.ts';

const STDOUT = 1;

const counterSchema: Schema = {
  owner: 'counter',
  migrations: [(ddl) => [ddl.table('counter', [`value ${ddl.integer} PRIMARY KEY`])]],
};

const insert = query('INSERT INTO counter (value) VALUES (?)');

const store = await openStore({
  database: `file:${process.argv[2]}`,
  schemas: [counterSchema],
  log: silentLog,
  onFatal: (cause) => {
    throw cause;
  },
});
writeSync(STDOUT, 'open\n');

let next = 0n;
async function count(): Promise<void> {
  for (;;) {
    next += 1n;
    const value = next;
    await store.write(() => run(insert, value), value % 50n === 0n ? 'disk' : 'process');
    writeSync(STDOUT, `${value}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, count));
