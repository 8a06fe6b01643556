import type { Treasury } from '../../treasury/treasury.ts';

/** What buying needs of the treasury. */
export type Capital = Pick<Treasury, 'freeAt' | 'spend' | 'spentToken' | 'collect' | 'onCollected'>;
