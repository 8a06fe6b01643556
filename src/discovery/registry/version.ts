/** Which version of an addressable event is held. */
export interface Version {
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** Whether `one` takes the place of `held`: it is newer, or of the same second with the lower id (NIP-01). */
export function replaces(one: Version, held: Version | undefined): boolean {
  if (held === undefined) return true;
  if (one.createdAt !== held.createdAt) return one.createdAt > held.createdAt;
  return one.id < held.id;
}
