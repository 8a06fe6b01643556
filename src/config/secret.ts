import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Parser } from '../lib/parse.ts';
import { reject } from '../lib/parse.ts';

/** Where secrets are looked up. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `file:` paths are relative to it. */
  readonly directory: string;
}

/** `env:NAME` or `file:PATH` -> the secret that is there, trimmed. Faults never repeat a secret. */
export function secret(sources: SecretSources): Parser<string> {
  return (field) => {
    const place = typeof field.value === 'string' ? field.value : '';
    const found = lookUp(place, sources);
    if (found === undefined) {
      // The value is not repeated: it is likely to be the secret.
      reject(field, 'must be env:NAME or file:PATH; a secret itself does not belong in this file');
      return '';
    }
    if (found === '') reject(field, `names ${place}, which is missing or empty`);
    else if (!/^[\x21-\x7e]{1,4096}$/.test(found)) {
      reject(field, `names ${place}, which is not one word of printable characters`);
    }
    return found;
  };
}

/** The secret, empty when there is none at this place; undefined when `place` is no place. */
function lookUp(place: string, sources: SecretSources): string | undefined {
  const variable = /^env:([A-Za-z_]\w*)$/.exec(place)?.[1];
  if (variable !== undefined) return sources.env[variable]?.trim() ?? '';
  const path = /^file:(.+)$/.exec(place)?.[1];
  return path === undefined ? undefined : readSecret(resolve(sources.directory, path));
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Reported by the caller as missing, with the name the file gives it.
    return '';
  }
}
