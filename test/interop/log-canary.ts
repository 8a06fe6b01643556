import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { KEY_CANARY, PROMPT_CANARY } from '../support/test-log.ts';

/** A place in a log that holds what no log may hold. */
export interface Leak {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface Search {
  readonly files: number;
  readonly lines: number;
  readonly secrets: number;
  readonly leaks: readonly Leak[];
}

/** What gives itself away by its form, whoever wrote it. */
const FORMS: readonly { readonly what: string; readonly form: RegExp }[] = [
  { what: 'a Cashu token', form: /cashu[AB][\w-]{20}/ },
  { what: 'a C, B_ or public key', form: /(?<![\da-f])0[23][\da-f]{64}(?![\da-f])/i },
  { what: 'a secret of 32 bytes', form: /(?<![\da-f])[\da-f]{64}(?![\da-f])/i },
  { what: 'a key', form: new RegExp(`${KEY_CANARY}|\\bsk-[\\w-]{8}`) },
  { what: 'the key of a node', form: /(?:nsec|ncryptsec)1[02-9ac-hj-np-z]{20}/ },
  { what: 'a prompt', form: new RegExp(PROMPT_CANARY) },
];

/** A shorter text would be found by chance. */
const MIN_SECRET_LENGTH = 12;

/** Looks through all `*.log` of a folder, by form and for every line of its `*.secrets`. */
export function searchLogs(folder: string): Search {
  const names = readdirSync(folder);
  const linesOf = (name: string): string[] =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  const secrets = new Set(
    names
      .filter((name) => name.endsWith('.secrets'))
      .flatMap(linesOf)
      .filter((secret) => secret.length >= MIN_SECRET_LENGTH),
  );
  // Forms find the others, at a fraction of the time.
  const formless = [...secrets].filter((secret) => !FORMS.some(({ form }) => form.test(secret)));
  const logs = names.filter((name) => name.endsWith('.log'));
  const leaks: Leak[] = [];
  let lines = 0;
  for (const file of logs) {
    for (const [index, text] of linesOf(file).entries()) {
      lines += 1;
      const what = whatLeaks(text, formless);
      if (what !== undefined) leaks.push({ file, line: index + 1, what });
    }
  }
  return { files: logs.length, lines, secrets: secrets.size, leaks };
}

function whatLeaks(line: string, secrets: readonly string[]): string | undefined {
  const known = FORMS.find(({ form }) => form.test(line));
  if (known !== undefined) return known.what;
  for (const secret of secrets) if (line.includes(secret)) return 'a secret of a test';
  return undefined;
}
