import type { Schema } from '../store/store.ts';

/** What we owe and why. Nobody but ledger/ writes these tables. */
export const ledgerSchema: Schema = {
  owner: 'ledger',
  migrations: [
    (ddl) => [
      ddl.table('account', [
        `id ${ddl.text} PRIMARY KEY`,
        `mint ${ddl.integer} NOT NULL`,
        `unit ${ddl.text} NOT NULL`,
        `mode ${ddl.text} NOT NULL CHECK (mode IN ('once', 'keep', 'token'))`,
        `state ${ddl.text} NOT NULL CHECK (state IN ('redeeming', 'open', 'refunding', 'out', 'reclaiming'))`,
        `balance_msat ${ddl.integer} NOT NULL CHECK (balance_msat >= 0)`,
        `held_msat ${ddl.integer} NOT NULL CHECK (held_msat >= 0 AND held_msat <= balance_msat)`,
        `running ${ddl.integer} NOT NULL CHECK (running >= 0)`,
        `waiting ${ddl.integer} NOT NULL CHECK (waiting >= 0)`,
        // A coin of its change was seen spent elsewhere: the change is never taken back again.
        `change_gone ${ddl.integer} NOT NULL DEFAULT 0`,
        `reclaimed_at_ms ${ddl.integer} NOT NULL DEFAULT 0`,
        `created_at_ms ${ddl.integer} NOT NULL`,
        `CHECK (state = 'open' OR held_msat = 0)`,
      ]),
      ddl.table('hold', [
        `id ${ddl.integer} PRIMARY KEY`,
        `account ${ddl.text} NOT NULL`,
        `request ${ddl.text} NOT NULL`,
        `state ${ddl.text} NOT NULL CHECK (state IN ('waiting', 'running', 'captured', 'released'))`,
        `held_msat ${ddl.integer} NOT NULL CHECK (held_msat >= 0)`,
        `metered_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (metered_msat >= 0)`,
        `charge_msat ${ddl.integer} CHECK (charge_msat >= 0 AND charge_msat <= held_msat)`,
        `snapshot ${ddl.text}`,
        `created_at_ms ${ddl.integer} NOT NULL`,
        `renewed_at_ms ${ddl.integer} NOT NULL`,
        `ended_at_ms ${ddl.integer}`,
        `CHECK ((state = 'captured') = (charge_msat IS NOT NULL))`,
      ]),
      `CREATE INDEX hold_live ON hold (account) WHERE state IN ('waiting', 'running')`,
      ddl.table('price_snapshot', [
        `id ${ddl.text} PRIMARY KEY`,
        `body ${ddl.text} NOT NULL`,
        `created_at_ms ${ddl.integer} NOT NULL`,
      ]),
      // Double entry: `amount_msat` moves from `debit` to `credit`. Each row's hash covers the one before it.
      ddl.table('entry', [
        `id ${ddl.integer} PRIMARY KEY`,
        `at_ms ${ddl.integer} NOT NULL`,
        `debit ${ddl.text} NOT NULL`,
        `credit ${ddl.text} NOT NULL`,
        `amount_msat ${ddl.integer} NOT NULL CHECK (amount_msat > 0)`,
        `reason ${ddl.text} NOT NULL`,
        `hash ${ddl.bytes} NOT NULL`,
        `CHECK (debit <> credit)`,
      ]),
      ddl.forbid({
        name: 'entry_is_append_only',
        table: 'entry',
        event: 'update',
        when: 'TRUE',
        message: 'an entry is never changed',
      }),
      ddl.forbid({
        name: 'entry_is_kept',
        table: 'entry',
        event: 'delete',
        when: 'TRUE',
        message: 'an entry is never deleted',
      }),
    ],
  ],
};
