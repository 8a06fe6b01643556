const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_WORDS = 6;

/** BIP-173 bech32 over 5-bit words, without its limit of 90 characters (BOLT-11). */
export function encodeBech32(prefix: string, words: readonly number[]): string {
  const value = polymod([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  const checksum = Array.from(
    { length: CHECKSUM_WORDS },
    (_, at) => (value >>> (5 * (CHECKSUM_WORDS - 1 - at))) & 31,
  );
  return `${prefix}1${[...words, ...checksum].map((word) => ALPHABET[word]).join('')}`;
}

/** The prefix and the words, or undefined when the text is not lower-case bech32 with a right checksum. */
export function decodeBech32(
  text: string,
): { readonly prefix: string; readonly words: readonly number[] } | undefined {
  const at = text.lastIndexOf('1');
  if (at < 1) return undefined;
  const prefix = text.slice(0, at);
  const words = Array.from(text.slice(at + 1), (letter) => ALPHABET.indexOf(letter));
  if (words.includes(-1) || words.length < CHECKSUM_WORDS) return undefined;
  if (polymod([...expand(prefix), ...words]) !== 1) return undefined;
  return { prefix, words: words.slice(0, -CHECKSUM_WORDS) };
}

/** Bits regrouped, padded with zeros at the end. */
export function regroup(values: Iterable<number>, from: number, to: number): number[] {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = (held << from) | value;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out.push((held >>> bits) & ((1 << to) - 1));
      held &= (1 << bits) - 1;
    }
  }
  if (bits > 0) out.push((held << (to - bits)) & ((1 << to) - 1));
  return out;
}

function expand(prefix: string): readonly number[] {
  const codes = [...Buffer.from(prefix, 'latin1')];
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(words: readonly number[]): number {
  let check = 1;
  for (const word of words) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ word;
    GENERATOR.forEach((generator, bit) => {
      if (((top >>> bit) & 1) === 1) check ^= generator;
    });
  }
  return check >>> 0;
}
