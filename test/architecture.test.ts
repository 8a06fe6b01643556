import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

/** Imports point down: a row may use the rows above it in this list, never a neighbour in its own row. */
const LAYERS = [
  ['lib'],
  ['openai', 'anthropic', 'nostr', 'store', 'crypto', 'tokens'],
  ['rate', 'pricing', 'metering', 'ledger', 'wallet'],
  ['treasury'],
  ['payment', 'upstream', 'discovery'],
  ['router'],
  ['http'],
  ['config'],
  ['app'],
  ['demo'],
  ['cli'],
  ['main'],
  ['bin'],
];

/** Files directly in src/ -> their place in LAYERS. */
const ROOT_FILES: Record<string, string> = {
  'version.ts': 'config',
  'config.ts': 'config',
  'app.ts': 'app',
  'money.ts': 'app',
  'main.ts': 'main',
  'bin.ts': 'bin',
};

const PACKAGE_OWNERS: Record<string, readonly string[]> = {
  '@cashu/cashu-ts': ['wallet', 'payment', 'demo'],
  '@noble/curves': ['crypto'],
  '@noble/hashes': ['crypto'],
  '@pydantic/genai-prices': ['pricing'],
  '@scure/bip39': ['wallet'],
  'better-sqlite3': ['store'],
  fastify: ['http'],
  'nostr-tools': ['nostr', 'discovery'],
  'nostr-wasm': ['nostr'],
  openai: ['openai', 'demo', 'cli'],
  pino: ['cli', 'main'],
  'pino-pretty': ['cli', 'main'],
  'prom-client': ['http'],
  secp256k1: ['crypto'],
  tiktoken: ['tokens', 'demo'],
  'tiny-secp256k1': ['crypto'],
  undici: ['upstream', 'wallet', 'rate', 'discovery', 'nostr'],
  ws: ['nostr', 'demo'],
};

const READS_ENVIRONMENT = ['config.ts', 'main.ts', 'bin.ts'];
const BANNED_NAME = /(^|[-/])(utils?|helpers?|common|types?|managers?|services?|index|misc)\.ts$/;

interface Source {
  /** Below src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

interface Edge {
  readonly from: string;
  /** A path below src/, or a package name. */
  readonly to: string;
  readonly isPackage: boolean;
}

function edgesOf(source: Source): Edge[] {
  const specifiers = [
    ...source.text.matchAll(/^\s*(?:import|export)\b[^'";]*?from\s+['"]([^'"]+)['"]/gm),
    ...source.text.matchAll(/^\s*import\s+['"]([^'"]+)['"]/gm),
    ...source.text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
    ...source.text.matchAll(/\brequire(?:\.resolve)?\(\s*['"]([^'"]+)['"]\s*\)/g),
    ...source.text.matchAll(/new URL\(\s*['"](\.[^'"]+)['"]\s*,\s*import\.meta\.url/g),
  ].map(([, specifier = '']) => specifier);
  return (
    specifiers
      .filter((specifier) => !isBuiltin(specifier))
      .map((specifier) => {
        const isPackage = !specifier.startsWith('.');
        const to = isPackage
          ? specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
          : posix.normalize(posix.join(posix.dirname(source.path), specifier));
        return { from: source.path, to, isPackage };
      })
      // package.json and the like are no code.
      .filter(({ to, isPackage }) => isPackage || (!to.startsWith('..') && to.endsWith('.ts')))
  );
}

function folderOf(path: string): string {
  const [first = '', ...rest] = path.split('/');
  return rest.length === 0 ? (ROOT_FILES[first] ?? first) : first;
}

function rowOf(path: string): number {
  return LAYERS.findIndex((row) => row.includes(folderOf(path)));
}

function layerFaults(sources: readonly Source[]): string[] {
  const unplaced = sources.filter(({ path }) => rowOf(path) === -1);
  const wrong = sources.flatMap(edgesOf).filter(({ from, to, isPackage }) => {
    if (isPackage || folderOf(from) === folderOf(to)) return false;
    return rowOf(to) >= rowOf(from);
  });
  return [
    ...unplaced.map(({ path }) => `${path} has no place in the layers`),
    ...wrong.map(({ from, to }) => `${from} imports ${to}`),
  ];
}

/**
 * `payment/cashu/` is private to `payment/`, and to the wiring, which knows everything; inside, `payment/cashu/` and
 * `payment/l402/` do not know each other.
 */
function privacyFaults(sources: readonly Source[]): string[] {
  return sources
    .flatMap(edgesOf)
    .filter(({ isPackage, to }) => !isPackage && to.split('/').length > 2)
    .filter(({ from, to }) => {
      const [folder, part] = to.split('/');
      const [ownFolder, ownPart] = from.split('/');
      const isNested = from.split('/').length > 2;
      if (folderOf(from) === 'app') return false;
      return folder !== ownFolder || (isNested && part !== ownPart);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
}

function packageFaults(sources: readonly Source[]): string[] {
  return sources
    .flatMap(edgesOf)
    .filter(({ isPackage }) => isPackage)
    .filter(({ from, to }) => !(PACKAGE_OWNERS[to] ?? []).includes(folderOf(from)))
    .map(({ from, to }) => `${from} imports ${to}`);
}

/** Only the folder that creates a table writes it. */
function tableFaults(sources: readonly Source[]): string[] {
  const owners = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    const created = [
      ...text.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?["`]?(\w+)/gi),
      ...text.matchAll(/\.table\(\s*['"`](\w+)['"`]/g),
    ];
    for (const [, table = ''] of created) {
      owners.set(table, (owners.get(table) ?? new Set()).add(folderOf(path)));
    }
  }
  const shared = [...owners]
    .filter(([, folders]) => folders.size > 1)
    .map(([table, folders]) => `${table} is created by ${[...folders].join(' and ')}`);
  return [
    ...shared,
    ...writesOf(sources)
      .filter(isForeign)
      .map(({ path, table }) => `${path} writes ${table}`),
  ];

  function isForeign({ path, table }: { path: string; table: string }): boolean {
    return !(owners.get(table)?.has(folderOf(path)) ?? false);
  }
}

function writesOf(sources: readonly Source[]): { path: string; table: string }[] {
  return sources.flatMap(({ path, text }) =>
    [
      ...text.matchAll(
        /\b(?:INSERT(?: OR \w+)? INTO|DELETE FROM|UPDATE(?= ["`]?\w+["`]?\s+SET))\s+["`]?(\w+)/g,
      ),
    ].map(([, table = '']) => ({ path, table })),
  );
}

function barrelFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ text }) => /^\s*export\s+(\*|(type\s+)?\{[^}]*\})\s*(as \w+ )?\s*from\b/m.test(text))
    .map(({ path }) => `${path} re-exports`);
}

function environmentFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !READS_ENVIRONMENT.includes(path))
    .filter(({ text }) => {
      const code = withoutTemplateText(text);
      return /\bprocess\s*\.\s*env\b|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/.test(code);
    })
    .map(({ path }) => `${path} reads process.env`);
}

/** A snippet that is printed for people reads nothing; what stands in `${}` is code. */
function withoutTemplateText(text: string): string {
  return text.replaceAll(/`[^`]*`/g, (template) =>
    [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => code).join(';'),
  );
}

function nameFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => BANNED_NAME.test(path) || !/^[a-z0-9-]+(\/[a-z0-9-]+)*\.ts$/.test(path))
    .map(({ path }) => `${path} has a name that says nothing`);
}

/** pino writes an error as `{}` under every name but `err`. */
function lostErrorFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ text }) =>
      [...text.matchAll(/\blog\.(?:trace|debug|info|warn|error)\(\s*\{([^}]*)\}/g)].some(
        ([, fields = '']) => /(?:^|,)\s*(?:cause|error)\s*(?:,|$)/.test(fields),
      ),
    )
    .map(({ path }) => `${path} logs an error that nobody can read`);
}

const root = fileURLToPath(new URL('../src', import.meta.url));
const SOURCES: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({
    path: path.replaceAll('\\', '/'),
    text: readFileSync(`${root}/${path}`, 'utf8'),
  }));

describe('the house', () => {
  test('is really looked at', () => {
    expect(SOURCES.length).toBeGreaterThan(10);
    expect(SOURCES.flatMap(edgesOf).length).toBeGreaterThan(10);
    expect(SOURCES.flatMap(edgesOf).filter(({ isPackage }) => isPackage).length).toBeGreaterThan(3);
    expect(writesOf(SOURCES).length).toBeGreaterThan(3);
  });

  test.each([
    ['imports point down', layerFaults],
    ['subfolders are private', privacyFaults],
    ['packages are used by their owners', packageFaults],
    ['tables are written by their owners', tableFaults],
    ['there are no barrels', barrelFaults],
    ['the environment is read in one place', environmentFaults],
    ['files have names that say something', nameFaults],
    ['errors are logged so that they can be read', lostErrorFaults],
  ])('%s', (_rule, faultsOf) => {
    expect(faultsOf(SOURCES)).toEqual([]);
  });
});

describe('a planted violation is found:', () => {
  const source = (path: string, ...lines: string[]): Source => ({ path, text: lines.join('\n') });
  const SCHEMA = source('ledger/schema.ts', "ddl.table('hold', ['id TEXT'])");

  test.each<[string, (sources: readonly Source[]) => string[], Source[]]>([
    ['an import upwards', layerFaults, [source('lib/a.ts', "import { b } from '../router/b.ts';")]],
    [
      'a type import upwards',
      layerFaults,
      [source('ledger/a.ts', "import type { B } from '../payment/rail.ts';")],
    ],
    [
      'an import of several lines',
      layerFaults,
      [source('store/a.ts', 'import {', '  b,', "} from '../wallet/b.ts';")],
    ],
    ['a dynamic import', layerFaults, [source('http/a.ts', "await import('../app.ts')")]],
    [
      'a worker of another folder',
      layerFaults,
      [source('store/a.ts', "new Worker(new URL('../wallet/worker.ts', import.meta.url))")],
    ],
    [
      'a neighbour in the row',
      layerFaults,
      [source('pricing/a.ts', "import { b } from '../ledger/b.ts';")],
    ],
    ['config below http', layerFaults, [source('http/a.ts', "import { b } from '../config.ts';")]],
    ['a file without a place', layerFaults, [source('other.ts')]],
    ['a folder without a place', layerFaults, [source('other/a.ts')]],
    [
      'a private subfolder from outside',
      privacyFaults,
      [source('router/a.ts', "import { b } from '../payment/cashu/b.ts';")],
    ],
    [
      'a rail that knows another rail',
      privacyFaults,
      [source('payment/cashu/a.ts', "import { b } from '../l402/b.ts';")],
    ],
    ['a foreign package', packageFaults, [source('router/a.ts', "import Fastify from 'fastify';")]],
    [
      'a foreign package by require',
      packageFaults,
      [source('router/a.ts', "require('better-sqlite3')")],
    ],
    [
      "a foreign package's subpath",
      packageFaults,
      [source('wallet/a.ts', "import { x } from '@noble/curves/secp256k1.js';")],
    ],
    ['a package nobody owns', packageFaults, [source('lib/a.ts', "import pad from 'left-pad';")]],
    [
      "another folder's table",
      tableFaults,
      [SCHEMA, source('wallet/sql.ts', "query('UPDATE hold SET x = 1')")],
    ],
    [
      "a row in another folder's table",
      tableFaults,
      [SCHEMA, source('payment/cashu/sql.ts', "query('INSERT INTO hold VALUES (?)')")],
    ],
    [
      "a deletion from another folder's table",
      tableFaults,
      [SCHEMA, source('http/sql.ts', "query('DELETE FROM hold')")],
    ],
    [
      'a table of two owners',
      tableFaults,
      [SCHEMA, source('wallet/schema.ts', "ddl.table('hold', [])")],
    ],
    ['a barrel', barrelFaults, [source('lib/a.ts', "export { b } from './b.ts';")]],
    ['a barrel of everything', barrelFaults, [source('lib/a.ts', "export * from './b.ts';")]],
    ['a barrel of types', barrelFaults, [source('lib/a.ts', "export type { B } from './b.ts';")]],
    ['the environment', environmentFaults, [source('http/a.ts', 'process.env.PORT')]],
    [
      'the environment, taken apart',
      environmentFaults,
      [source('cli/a.ts', 'const { env } = process')],
    ],
    ['utils', nameFaults, [source('lib/utils.ts')]],
    ['a helper', nameFaults, [source('router/attempt-helpers.ts')]],
    ['an index', nameFaults, [source('lib/index.ts')]],
    ['camel case', nameFaults, [source('lib/keyedMutex.ts')]],
    [
      'an error under a name of its own',
      lostErrorFaults,
      [source('store/a.ts', "log.error({ event: 'x', cause }, 'not written')")],
    ],
  ])('%s', (_name, faultsOf, sources) => {
    expect(faultsOf(sources)).toHaveLength(1);
  });

  test.each<[string, (sources: readonly Source[]) => string[], Source[]]>([
    ['an import downwards', layerFaults, [source('http/a.ts', "import { b } from '../lib/b.ts';")]],
    [
      'an own subfolder',
      privacyFaults,
      [source('payment/rails.ts', "import { b } from './cashu/rail.ts';")],
    ],
    [
      'the wiring of a private subfolder',
      privacyFaults,
      [source('app.ts', "import { b } from './payment/cashu/b.ts';")],
    ],
    ['a snippet for people', environmentFaults, [source('cli/a.ts', '`key: process.env.A`')]],
    [
      'an error as `err`',
      lostErrorFaults,
      [source('store/a.ts', "log.error({ event: 'x', err: cause }, 'not written')")],
    ],
    ['an own package', packageFaults, [source('http/a.ts', "import fastify from 'fastify';")]],
    ['an own table', tableFaults, [SCHEMA, source('ledger/sql.ts', 'UPDATE hold SET x = 1')]],
    [
      'an upsert',
      tableFaults,
      [SCHEMA, source('ledger/sql.ts', 'ON CONFLICT DO UPDATE SET x = 1')],
    ],
  ])('%s is none', (_name, faultsOf, sources) => {
    expect(faultsOf(sources)).toEqual([]);
  });
});
