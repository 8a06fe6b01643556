/** A Map or a Set. */
interface Collection<Key> {
  readonly size: number;
  keys(): Iterable<Key>;
  delete(key: Key): boolean;
}

/** Where there are more than `max`, takes out the one that was put in first, and returns it. */
export function dropOldest<Key>(collection: Collection<Key>, max: number): Key | undefined {
  if (collection.size <= max) return undefined;
  for (const oldest of collection.keys()) {
    collection.delete(oldest);
    return oldest;
  }
  return undefined;
}
