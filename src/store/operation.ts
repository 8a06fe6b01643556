/** A JS number is deliberately no Param: SQLite would bind it as REAL and lose msat. */
export type Param = bigint | string | Uint8Array | null;

/**
 * A SELECT, INSERT, UPDATE, DELETE or WITH with `?` placeholders, made once where its owner keeps its SQL: it is prepared once
 * per store and Query object. `Row` is what its columns are; INTEGER columns are bigint, bytes are Uint8Array.
 */
export interface Query<Row> {
  readonly sql: string;
  /** Only for the type checker. */
  readonly row?: Row;
}

export function query<Row = never>(sql: string): Query<Row> {
  return { sql };
}

/** One statement that an operation yields to the store. */
export interface Call {
  readonly query: Query<unknown>;
  readonly params: readonly Param[];
  readonly want: 'all' | 'get' | 'run';
}

/**
 * A piece of a transaction: a generator that yields statements. It runs synchronously on SQLite and awaited on PostgreSQL,
 * inside its own SAVEPOINT of a group commit. It must not touch anything but its arguments and the database:
 * a refusal is a returned value; a thrown error undoes this operation alone. The error of a failed statement (a constraint, a
 * trigger, a bad parameter) is thrown at its yield; where a conflict is expected, prefer ON CONFLICT over catching it.
 */
export type Operation<T> = Generator<Call, T, unknown>;

/** All rows. */
export function* all<Row>(query: Query<Row>, ...params: Param[]): Operation<Row[]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the Query carries the row type its author declared
  return (yield { query, params, want: 'all' }) as Row[];
}

/** The first row, or undefined. Also for `... RETURNING`. */
export function* get<Row>(query: Query<Row>, ...params: Param[]): Operation<Row | undefined> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the Query carries the row type its author declared
  return (yield { query, params, want: 'get' }) as Row | undefined;
}

/** Executes and tells how many rows changed. */
export function* run(query: Query<unknown>, ...params: Param[]): Operation<number> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store answers `run` with a number
  return (yield { query, params, want: 'run' }) as number;
}
