import type { Schema } from '../store/store.ts';

/** What the treasury gave away. Nobody but treasury/ writes these tables. They come after those of the wallet. */
export const treasurySchema: Schema = {
  owner: 'treasury',
  migrations: [
    (ddl) => [
      ddl.table('treasury_token', [
        // Its coins carry this number as their `change`.
        `id ${ddl.integer} PRIMARY KEY`,
        `mint ${ddl.integer} NOT NULL`,
        `sat ${ddl.integer} NOT NULL CHECK (sat > 0)`,
        // The book that was credited: `operator` or `node:<node>`.
        `holder ${ddl.text} NOT NULL`,
        `at_ms ${ddl.integer} NOT NULL`,
      ]),
      // Tokens sent before there was this table: all were the operator's. When is not known.
      `INSERT INTO treasury_token (id, mint, sat, holder, at_ms)
       SELECT change, mint, sum(amount), 'operator', 0 FROM coin
       WHERE owner = 'treasury' AND change IS NOT NULL GROUP BY change, mint`,
    ],
  ],
};
