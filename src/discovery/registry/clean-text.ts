const LINE_BREAKS = /[\t\n\v\f\r\u2028\u2029]+/g;
/** Controls, marks that turn the reading direction, invisible characters and halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Cs}\u200b\u2060\ufeff]/gu;

/**
 * A stranger's text as one line that shows what it says: NFC, nothing that hides or turns it, at most `max` characters. A copy: a part
 * of a string would keep the whole of it in memory.
 */
export function cleanText(text: string, max: number): string {
  // Normalising can make a text longer, never more than three times.
  const line = text
    .slice(0, 4 * max)
    .normalize('NFC')
    .replace(LINE_BREAKS, ' ');
  const clean = line.replace(UNSAFE, '').trim().slice(0, max).replace(UNSAFE, '');
  return Buffer.from(clean).toString();
}
