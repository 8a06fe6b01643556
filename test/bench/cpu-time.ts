import { readFileSync } from 'node:fs';

/** Clock ticks of a process or of the machine; Linux only, zeros elsewhere. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that the process used so far, all its threads together. */
export function processTime(pid: number): number {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return 0;
  // The name, in parentheses, may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Seconds of CPU that all processes used so far, and that the host gave to other machines. */
export function machineTime(): number {
  const [line = ''] = (read('/proc/stat') ?? '').split('\n');
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + stolen) / TICKS_PER_SECOND;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, or the process is gone.
    return undefined;
  }
}
