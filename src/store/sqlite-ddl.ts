import type { Ddl } from './store.ts';

/** STRICT tables refuse other type words than these (`bigint`, `bytea`, `boolean` are errors). */
export const sqliteDdl: Ddl = {
  integer: 'INTEGER',
  text: 'TEXT',
  bytes: 'BLOB',
  table: (name, columns) => `CREATE TABLE ${name} (${columns.join(', ')}) STRICT`,
  forbid: ({ name, table, event, when, message }) =>
    `CREATE TRIGGER ${name} BEFORE ${event.toUpperCase()} ON ${table} WHEN ${when} ` +
    `BEGIN SELECT RAISE(ABORT, '${message.replaceAll("'", "''")}'); END`,
};
