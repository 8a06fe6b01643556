import type { Announcement } from './announcement.ts';

/** What somebody says of a node, before it was asked itself: an announcement, or what a directory led to. */
export type KnownNode = Pick<
  Announcement,
  'pubkey' | 'd' | 'createdAt' | 'urls' | 'mints' | 'version' | 'name' | 'about'
> & {
  /** Where no key announced it: the key that its URL names, which proves nothing. */
  readonly told?: string;
};
