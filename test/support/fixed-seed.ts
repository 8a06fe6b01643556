import * as fc from 'fast-check';

/** What random tests try is the same in every run; `FC_SEED=random`, or a number, tries something else. */
const { FC_SEED = '1' } = process.env;
if (FC_SEED !== 'random') fc.configureGlobal({ seed: Number(FC_SEED) });
