/** Columns of equal width, for a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return lines.map(line).join('\n');
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function micros(value: number): string {
  return value === 0 ? '-' : value.toFixed(0);
}

export function millis(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

export function ratio(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(2);
}
