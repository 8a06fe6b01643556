/** Many nodes name the same mints and versions: one string for all of them. */
export interface StringPool {
  same(text: string): string;
}

/** Beyond this many different strings, the rest is kept as it comes. */
const MAX_STRINGS = 50_000;

export function createStringPool(): StringPool {
  const pool = new Map<string, string>();
  return {
    same(text) {
      const known = pool.get(text);
      if (known !== undefined) return known;
      if (pool.size < MAX_STRINGS) pool.set(text, text);
      return text;
    },
  };
}
