import { readFileSync } from 'node:fs';

interface Vector {
  readonly section: string;
  readonly note: string;
  readonly value: unknown;
}

/** The values of one section of the specification's test vectors, in their order. */
export function vectorsOf(nut: `nut${number}`, section: string): unknown[] {
  const found = everyVectorOf(nut).filter((vector) => vector.section.endsWith(section));
  if (found.length === 0) throw new Error(`no vectors in ${nut}: ${section}`);
  return found.map(({ value }) => value);
}

export function everyVectorOf(nut: `nut${number}`): readonly Vector[] {
  const path = new URL(`../vectors/cashu/${nut}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[];
}

/** Bytes of hex; some vectors carry a comment after it. */
export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.split(' ')[0] ?? '', 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
