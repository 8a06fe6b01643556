import type { Operation } from './operation.ts';

/**
 * `process`: survives kill -9, and a power cut after at most one second.
 * `disk`: survives a power cut from the moment the promise resolves (one fsync for the whole batch).
 */
export type Durability = 'process' | 'disk';

export interface Store {
  /**
   * Runs `operation` in the next group commit: the operations queued in one turn of the event loop share a transaction (up to a
   * bound), in the order they were queued, each in its own SAVEPOINT. Resolves with its result after the commit; rejects with
   * what it threw, its own writes undone and the others' kept. If the database itself fails, every queued promise rejects, the
   * store refuses all further work, and `onFatal` ends the process; boot recovery decides.
   */
  write<T>(operation: () => Operation<T>, durability?: Durability): Promise<T>;
  /** Runs a reading operation at once, outside any write batch; it sees one snapshot of what is committed. Rejects a write. */
  read<T>(operation: () => Operation<T>): Promise<T>;
  /** Commits what is queued, makes it durable and closes. Idempotent. */
  close(): Promise<void>;
}

/** The type words and constructs of the DDL that differ between databases. */
export interface Ddl {
  /** 64-bit integer: money, times, counters, flags. */
  readonly integer: string;
  readonly text: string;
  readonly bytes: string;
  /**
   * `CREATE TABLE name (columns)`, strict about types where the database can be. No constraint may be DEFERRABLE: one that fails
   * at the commit would fail the whole batch.
   */
  table(name: string, columns: readonly string[]): string;
  /** A trigger that refuses the rows for which `when` (over NEW and OLD) holds: the statement fails, and undoes its operation. */
  forbid(trigger: {
    readonly name: string;
    readonly table: string;
    readonly event: 'insert' | 'update' | 'delete';
    readonly when: string;
    readonly message: string;
  }): string;
}

/**
 * The tables of one owner folder. Migrations are append-only: a released one never changes, and the version of an owner is how
 * many it has. The owner `store` is taken.
 */
export interface Schema {
  readonly owner: string;
  readonly migrations: readonly ((ddl: Ddl) => readonly string[])[];
}
