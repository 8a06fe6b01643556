/** One column: its head, and whether it is a number (right-aligned). */
export interface Column {
  readonly head: string;
  readonly right?: boolean;
}

const GAP = '  ';

/** Rows under heads, as wide as their widest cell, without trailing blanks; ends with a newline. Cells are shown as they are. */
export function tableOf(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const heads = columns.map(({ head }) => head);
  const widths = columns.map((_column, index) =>
    Math.max(...[heads, ...rows].map((row) => (row[index] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map(({ right }, index) => {
        const cell = row[index] ?? '';
        const width = widths[index] ?? 0;
        return right === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  return [heads, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** A text that a stranger wrote, for a terminal: no control characters, at most `max` characters. */
export function shown(text: string, max: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
  return plain.length <= max ? plain : `${plain.slice(0, max - 1)}…`;
}
