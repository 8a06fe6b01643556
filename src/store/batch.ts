import Database from 'better-sqlite3';

import { drive, StorageFailure } from './drive.ts';
import type { Call, Operation } from './operation.ts';
import type { Statements } from './statements.ts';

/** Errors of the operation itself: constraints, triggers, wrong SQL or types. All others are the database's. */
const OPERATION_FAULT = /^SQLITE_(?:CONSTRAINT|ERROR|MISMATCH|RANGE|TOOBIG)/;

/** Runs operations inside the transaction that its caller opened. */
export interface Batch {
  /** Runs one; if it throws, its own writes are undone, the others' kept. Throws StorageFailure if nothing can be kept. */
  run<T>(operation: () => Operation<T>): T;
  /** Whether an operation changed something since the last call. */
  tookWrites(): boolean;
}

export function operationBatch(connection: Database.Database, statements: Statements): Batch {
  const savepoint = connection.prepare('SAVEPOINT operation');
  const release = connection.prepare('RELEASE operation');
  const rollback = connection.prepare('ROLLBACK TO operation');
  /** The running operation has its savepoint. */
  let saved = false;
  let wrote = false;

  function execute(call: Call): unknown {
    try {
      const statement = statements(call.query);
      // What only reads needs no savepoint; the first write makes one.
      if (statement.writes && !saved) {
        savepoint.run();
        saved = true;
        wrote = true;
      }
      return statement.execute(call);
    } catch (error) {
      // Some errors end the whole transaction: then the operations before this one are lost too.
      if (connection.inTransaction && isOperationFault(error)) throw error;
      throw new StorageFailure(error);
    }
  }

  function keep(): void {
    if (!saved) return;
    saved = false;
    release.run();
  }

  function undo(): void {
    if (!saved) return;
    saved = false;
    rollback.run();
    release.run();
  }

  return {
    run(operation) {
      try {
        const result = drive(operation, execute);
        storage(keep);
        return result;
      } catch (error) {
        if (!(error instanceof StorageFailure)) storage(undo);
        throw error;
      }
    },
    tookWrites() {
      const took = wrote;
      wrote = false;
      return took;
    },
  };
}

function storage(action: () => void): void {
  try {
    action();
  } catch (error) {
    throw new StorageFailure(error);
  }
}

function isOperationFault(error: unknown): boolean {
  return !(error instanceof Database.SqliteError) || OPERATION_FAULT.test(error.code);
}
