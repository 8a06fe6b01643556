import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

/** An append-only file of JSON lines. What `append` returned from survives kill -9; with `fsync` also a power cut. */
export interface Journal {
  /** What stood in the file when it was opened, without a torn last line. */
  readonly lines: readonly unknown[];
  append(line: object): void;
  /** Idempotent. */
  close(): void;
}

/** Opens or creates the file. Throws SyntaxError when a complete line is no JSON. */
export function openJournal(path: string, fsync: boolean): Journal {
  const file = openSync(path, 'a+', 0o600);
  const text = readFileSync(file, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) ftruncateSync(file, Buffer.byteLength(text.slice(0, end)));
  const lines = text.slice(0, end).split('\n').slice(0, -1);
  let closed = false;
  return {
    lines: lines.map((line): unknown => JSON.parse(line)),
    append(line) {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let written = 0; written < bytes.length;) {
        written += writeSync(file, bytes, written);
      }
      if (fsync) fsyncSync(file);
    },
    close() {
      if (!closed) closeSync(file);
      closed = true;
    },
  };
}

/** The same in memory: nothing survives. */
export function memoryJournal(): Journal {
  return { lines: [], append() {}, close() {} };
}
