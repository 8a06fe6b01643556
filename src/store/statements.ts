import type { Database, Statement } from 'better-sqlite3';

import type { Call, Param, Query } from './operation.ts';

/** A statement, prepared once per connection. */
export interface Prepared {
  /** Whether it can change the database. */
  readonly writes: boolean;
  /** Rows, a row or undefined, or the number of changed rows, as the call wants. Throws TypeError for a bad parameter. */
  execute(call: Call): unknown;
}

/** Finds or prepares the statement of a query. Throws for SQL that would end the batch's transaction. */
export type Statements = (query: Query<unknown>) => Prepared;

const DATA_STATEMENT = /^\s*(?:select|insert|update|delete|with)\b/i;
const ENDS_TRANSACTION = /\bor\s+rollback\b/i;

export function prepareStatements(connection: Database): Statements {
  const known = new WeakMap<Query<unknown>, Prepared>();
  return (query) => {
    const found = known.get(query);
    if (found !== undefined) return found;
    const prepared = prepare(connection, query.sql);
    known.set(query, prepared);
    return prepared;
  };
}

function prepare(connection: Database, sql: string): Prepared {
  if (!DATA_STATEMENT.test(sql) || ENDS_TRANSACTION.test(sql)) {
    throw new TypeError(`an operation cannot run: ${sql}`);
  }
  const statement = connection.prepare<Param[]>(sql);
  return {
    writes: !statement.readonly,
    execute({ params, want }) {
      refuseBadParams(params, sql);
      return execute(statement, params, want);
    },
  };
}

function execute(
  statement: Statement<Param[]>,
  params: readonly Param[],
  want: Call['want'],
): unknown {
  switch (want) {
    case 'all':
      return statement.all(...params);
    case 'get':
      return statement.get(...params);
    case 'run':
      return statement.run(...params).changes;
    default:
      throw new TypeError('a call wants all, get or run');
  }
}

/** The types forbid it, but a number that slips through `any` or JSON would be bound as REAL and lose msat. */
function refuseBadParams(params: readonly unknown[], sql: string): void {
  for (const [index, param] of params.entries()) {
    if (typeof param === 'bigint' || typeof param === 'string') continue;
    if (param === null || param instanceof Uint8Array) continue;
    throw new TypeError(`parameter ${index + 1} is a JS ${typeof param}: ${sql}`);
  }
}
