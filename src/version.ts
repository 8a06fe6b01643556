import { readFileSync } from 'node:fs';

/** The package's version. */
export const VERSION: string = version();

function version(): string {
  const file: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const isPackage = typeof file === 'object' && file !== null && 'version' in file;
  return isPackage ? String(file.version) : 'unknown';
}
