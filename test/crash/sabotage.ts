import Database from 'better-sqlite3';

/**
 * One safeguard of a router switched off: `journal`: rows of swaps that were sent do not survive a crash; `restore`: the mint's NUT-09 answers
 * are ignored; `settle`: a crashed request is charged its hold where nothing was metered, and nothing where something was;
 * `coin-owner`: no trigger guards the coins, and a given coin turns up again among another account's.
 */
export const SABOTAGES = ['journal', 'restore', 'settle', 'coin-owner'] as const;

/** The same of a router that buys: `purchases`: what it gave to its node does not survive a crash. */
export const TWO_HOP_SABOTAGES = ['purchases'] as const;

export type Sabotage = (typeof SABOTAGES)[number] | (typeof TWO_HOP_SABOTAGES)[number];

/** Those that make sense for so many hops. */
export function sabotagesOf(hops: string): readonly Sabotage[] {
  return hops === '1' ? SABOTAGES : TWO_HOP_SABOTAGES;
}

export function isSabotage(text: string): text is Sabotage {
  return [...SABOTAGES, ...TWO_HOP_SABOTAGES].some((known) => known === text);
}

/** What is done to the opened database at every start. `restore` needs nothing here: see `deaf-mint.ts`. */
const HARM: Readonly<Record<Sabotage, string>> = {
  journal: `
    DELETE FROM operation_input WHERE operation IN (SELECT id FROM operation WHERE state = 'sent');
    DELETE FROM operation WHERE state = 'sent';`,
  restore: '',
  purchases: `DELETE FROM node_account WHERE state IN ('opening', 'open', 'draining');`,
  settle: `
    UPDATE hold SET metered_msat = CASE WHEN metered_msat = 0 THEN held_msat ELSE 0 END
    WHERE state = 'running';`,
  'coin-owner': `
    CREATE TRIGGER IF NOT EXISTS sabotage AFTER UPDATE OF state ON coin WHEN OLD.state = 'free' AND NEW.state = 'given'
    BEGIN
      UPDATE coin SET state = 'free', given_to = NULL, change = NULL, owner = (
        SELECT other.owner FROM coin AS other JOIN account ON account.id = other.owner
        WHERE account.state = 'open' AND other.state = 'free' AND other.amount = NEW.amount
          AND other.mint = NEW.mint AND other.owner <> NEW.owner LIMIT 1)
      WHERE y = NEW.y AND EXISTS (
        SELECT 1 FROM coin AS other JOIN account ON account.id = other.owner
        WHERE account.state = 'open' AND other.state = 'free' AND other.amount = NEW.amount
          AND other.mint = NEW.mint AND other.owner <> NEW.owner);
    END;`,
};

export function sabotageDatabase(file: string, sabotage: Sabotage): void {
  const database = new Database(file);
  try {
    if (sabotage === 'coin-owner') dropTriggers(database);
    database.exec(`BEGIN IMMEDIATE; ${HARM[sabotage]} COMMIT`);
  } finally {
    database.close();
  }
}

function dropTriggers(database: Database.Database): void {
  const triggers = database
    .prepare<[], { name: string }>(
      `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'coin'`,
    )
    .all();
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`);
}
