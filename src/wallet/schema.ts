import type { Schema } from '../store/store.ts';
import { mintTables } from './mint-sql.ts';

/** Our own ecash. Nobody but wallet/ writes these tables. Secrets are not in them: a coin's secret derives from its counter. */
export const walletSchema: Schema = {
  owner: 'wallet',
  migrations: [
    (ddl) => [
      ...mintTables(ddl),
      ddl.table('seed', [`fingerprint ${ddl.text} PRIMARY KEY`]),
      // free: ours to give or spend. given: out with a payer. spending: input of an open operation. spent: gone.
      ddl.table('coin', [
        `y ${ddl.bytes} PRIMARY KEY`,
        `mint ${ddl.integer} NOT NULL`,
        `keyset ${ddl.text} NOT NULL`,
        `amount ${ddl.integer} NOT NULL CHECK (amount > 0)`,
        `seed ${ddl.text} NOT NULL CHECK (seed IN ('payers', 'treasury'))`,
        `counter ${ddl.integer} NOT NULL`,
        `c ${ddl.bytes} NOT NULL`,
        `owner ${ddl.text} NOT NULL`,
        `state ${ddl.text} NOT NULL CHECK (state IN ('free', 'given', 'spending', 'spent'))`,
        `given_to ${ddl.text}`,
        // Which of its owner's changes it was given in: 1, 2, ...
        `change ${ddl.integer}`,
        `made_by ${ddl.integer} NOT NULL`,
        `UNIQUE (keyset, seed, counter)`,
      ]),
      `CREATE INDEX coin_owner ON coin (owner, state)`,
      ...coinRules.map((rule) => ddl.forbid({ table: 'coin', ...rule })),
      ddl.table('operation', [
        `id ${ddl.integer} PRIMARY KEY`,
        `mint ${ddl.integer} NOT NULL`,
        `purpose ${ddl.text} NOT NULL`,
        `owner ${ddl.text} NOT NULL`,
        `state ${ddl.text} NOT NULL CHECK (state IN ('sent', 'applied', 'refused'))`,
        // The exact bytes that were sent, sealed: they hold the inputs' secrets. Empty once the operation is closed.
        `body ${ddl.bytes} NOT NULL`,
        `keyset ${ddl.text} NOT NULL`,
        `seed ${ddl.text} NOT NULL`,
        `first_counter ${ddl.integer} NOT NULL`,
        `amounts ${ddl.text} NOT NULL`,
        `input_amount ${ddl.integer} NOT NULL CHECK (input_amount > 0)`,
        `fee ${ddl.integer} NOT NULL CHECK (fee >= 0)`,
        `attempts ${ddl.integer} NOT NULL DEFAULT 1`,
        `created_at_ms ${ddl.integer} NOT NULL`,
        `next_at_ms ${ddl.integer} NOT NULL`,
        `closed_at_ms ${ddl.integer}`,
        `verdict ${ddl.text}`,
      ]),
      `CREATE INDEX operation_open ON operation (next_at_ms) WHERE state = 'sent'`,
      `CREATE INDEX operation_owner ON operation (owner)`,
      ddl.table('operation_input', [
        `operation ${ddl.integer} NOT NULL`,
        `y ${ddl.bytes} NOT NULL`,
        `PRIMARY KEY (y, operation)`,
      ]),
      `CREATE INDEX operation_input_operation ON operation_input (operation)`,
      // At most one operation in work holds a Y.
      ddl.table('claim', [`y ${ddl.bytes} PRIMARY KEY`, `operation ${ddl.integer} NOT NULL`]),
    ],
    (ddl) => [
      // Of a swap of change that a node gave back: which node, and for which purchase.
      `ALTER TABLE operation ADD COLUMN node ${ddl.text}`,
      `ALTER TABLE operation ADD COLUMN reference ${ddl.integer}`,
      // The treasury chooses among its free coins by amount, newest first, and finds those of a token by the token's number.
      `CREATE INDEX coin_treasury_free ON coin (mint, amount, made_by, keyset)
       WHERE owner = 'treasury' AND state = 'free'`,
      `CREATE INDEX coin_treasury_given ON coin (change) WHERE owner = 'treasury' AND change IS NOT NULL`,
    ],
  ],
};

/** DESIGN.md money rule 5: a coin has one owner, giving is one-way, and nobody is given another's coin. */
const coinRules = [
  {
    name: 'coin_is_born_free',
    event: 'insert',
    when: `NEW.state <> 'free' OR NEW.given_to IS NOT NULL`,
    message: 'a coin enters as the output of our own swap, free',
  },
  {
    name: 'coin_keeps_its_identity',
    event: 'update',
    when: `NEW.y <> OLD.y OR NEW.mint <> OLD.mint OR NEW.keyset <> OLD.keyset OR NEW.amount <> OLD.amount
           OR NEW.seed <> OLD.seed OR NEW.counter <> OLD.counter OR NEW.c <> OLD.c OR NEW.made_by <> OLD.made_by`,
    message: 'a coin does not change',
  },
  {
    name: 'coin_has_one_owner',
    event: 'update',
    when: `NEW.owner <> OLD.owner AND NOT (NEW.owner = 'treasury' AND OLD.state = 'free' AND NEW.state = 'free')`,
    message: 'a coin goes from its account to the treasury, and nowhere else',
  },
  {
    name: 'coin_is_given_to_its_owner',
    event: 'update',
    when: `NEW.given_to IS DISTINCT FROM OLD.given_to AND NOT (OLD.given_to IS NULL AND OLD.state = 'free'
           AND NEW.state = 'given' AND NEW.given_to = OLD.owner)`,
    message: 'a coin is given to its owner only, once',
  },
  {
    name: 'coin_moves_one_way',
    event: 'update',
    when: `NEW.state <> OLD.state AND NOT (
             (OLD.state = 'free' AND NEW.state = 'given' AND NEW.given_to IS NOT NULL)
             OR (OLD.state = 'free' AND NEW.state = 'spending')
             OR (OLD.state = 'spending' AND NEW.state IN ('free', 'spent'))
             OR (OLD.state = 'given' AND NEW.state = 'spent'))`,
    message: 'a coin that was given or spent never comes back',
  },
  {
    name: 'coin_is_kept',
    event: 'delete',
    when: `OLD.state <> 'spent'`,
    message: 'only a spent coin may be forgotten',
  },
] as const;
