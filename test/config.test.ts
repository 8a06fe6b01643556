import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Config, ConfigSources } from '../src/config.ts';
import { ConfigError, loadConfig, loadSettings } from '../src/config.ts';

const FILE = {
  $schema: './providers.schema.json',
  node: {
    name: 'my node',
    about: 'Llama on my GPU',
    url: 'https://node.example',
    relays: ['wss://relay.example'],
  },
  mints: ['https://mint.example'],
  bitcoin: { usd: 'auto' },
  providers: [
    {
      id: 'gpu',
      kind: 'openai',
      baseUrl: 'http://127.0.0.1:11434/v1',
      apiKey: 'env:UPSTREAM_KEY',
      markup: 1.1,
      models: [
        {
          id: 'llama3.2:1b',
          context: 131072,
          maxOutput: 8192,
          price: { unit: 'usd', input: 0.1, output: 0.2, cachedInput: 0.05, request: 0 },
        },
      ],
    },
  ],
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'nutroute-config-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true });
});

function load(document: unknown, sources: Partial<ConfigSources> = {}): Config {
  writeFileSync(
    join(cwd, 'providers.json'),
    typeof document === 'string' ? document : JSON.stringify(document),
  );
  return loadConfig({ flags: {}, env: { UPSTREAM_KEY: 'sk-upstream' }, cwd, ...sources });
}

function faultsOf(action: () => unknown): ConfigError {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('providers.json', () => {
  test('the documented example is read, with its secret, its exact decimals and every default', () => {
    const config = load(FILE);

    expect(config.providers).toEqual([
      {
        id: 'gpu',
        kind: 'openai',
        baseUrl: 'http://127.0.0.1:11434/v1',
        apiKey: 'sk-upstream',
        markup: '1.1',
        belowCost: false,
        purchase: undefined,
        models: [
          {
            id: 'llama3.2:1b',
            upstreamId: 'llama3.2:1b',
            name: undefined,
            context: 131072,
            maxOutput: 8192,
            price: {
              unit: 'usd',
              input: '0.1',
              output: '0.2',
              cachedInput: '0.05',
              reasoning: undefined,
              image: undefined,
              request: '0',
              minimum: undefined,
            },
          },
        ],
        price: undefined,
        onPayerGone: 'cancel',
        maxOutputField: 'max_tokens',
        allowRemoteImages: false,
        timeouts: { connectMs: 5000, firstByteMs: 60000, answerMs: 600000, idleMs: 120000 },
      },
    ]);
    expect(config.node).toEqual({
      ...FILE.node,
      onion: undefined,
      key: undefined,
      keyPassphrase: undefined,
      d: undefined,
      announce: true,
    });
    expect(config.mints).toEqual(['https://mint.example']);
    expect(config.bitcoin).toEqual({ usd: 'auto' });
    expect(config.payment).toEqual({
      bearerChange: 'once',
      maxOpenPerMintSat: 1_000_000,
      floorOutputTokens: 16,
    });
  });

  test('the result is frozen through and through', () => {
    const config = load(FILE);

    expect(Object.isFrozen(config.providers[0]?.timeouts)).toBe(true);
    expect(Object.isFrozen(config.mints)).toBe(true);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('a bad file tells every fault at once, each with its path', () => {
    const [provider] = FILE.providers;
    const error = faultsOf(() =>
      load(
        {
          mints: ['ftp://mint.example'],
          bitcoin: { usd: 'cheap' },
          providers: [
            {
              ...provider,
              apiKey: 'sk-literal-secret',
              prize: 1,
              models: [
                { id: 'a', price: 'list' },
                { id: 'a', price: 'List' },
                { id: 'c', price: { unit: 'usd', input: 'cheap' } },
              ],
            },
          ],
        },
        { flags: { port: '70000' }, env: {} },
      ),
    );

    expect(error.kind).toBe('faulty');
    expect(error.message.split('\n')).toEqual([
      '--port: must be a port from 0 to 65535',
      'mints[0]: must be a URL that starts with https:// or http://, without credentials or a query',
      expect.stringMatching(/^providers\[0\]\.prize: is not a known key; known here: id, kind/),
      'providers[0].apiKey: must be env:NAME or file:PATH; a secret itself does not belong in this file',
      'providers[0].models[1].price: must be an object with prices, or "list"',
      'providers[0].models[2].price.input: must be a number from 0 to 1000000000',
      'providers[0].models[2].price.output: is missing',
      'providers[0].models[1].id: is there twice: a',
      'bitcoin.usd: must be "auto" or a number',
    ]);
    expect(error.message).not.toContain('literal-secret');
  });

  test('a file that is no JSON is told with its place, without quoting it', () => {
    const error = faultsOf(() => load('{\n  "apiKey": "sk-secret" oops }'));

    expect(error.message).toContain('providers.json: is not JSON (line 2 column 25)');
    expect(error.message).not.toContain('secret');
  });

  test('a missing file is another thing than a faulty one', () => {
    const error = faultsOf(() => loadConfig({ flags: {}, env: {}, cwd }));

    expect(error.kind).toBe('missing');
    expect(error.faults).toEqual([
      { path: join(cwd, 'providers.json'), message: 'there is no such file' },
    ]);
  });

  test('a secret may be in a file beside providers.json, and must be there', () => {
    mkdirSync(join(cwd, 'secrets'));
    writeFileSync(join(cwd, 'secrets', 'key'), 'sk-from-file\n');
    const withKey = (apiKey: string): unknown => ({
      ...FILE,
      providers: [{ ...FILE.providers[0], apiKey }],
    });

    expect(load(withKey('file:secrets/key')).providers[0]?.apiKey).toBe('sk-from-file');
    expect(faultsOf(() => load(withKey('file:secrets/none'))).message).toBe(
      'providers[0].apiKey: names file:secrets/none, which is missing or empty',
    );
    expect(faultsOf(() => load(withKey('env:NOT_SET'))).message).toBe(
      'providers[0].apiKey: names env:NOT_SET, which is missing or empty',
    );
    expect(
      faultsOf(() => load(withKey('env:TWO'), { env: { TWO: 'two words' } })).message,
    ).not.toContain('two words');
  });

  test('mints are canonical, so that two spellings of one mint are found', () => {
    expect(load({ ...FILE, mints: ['HTTPS://Mint.Example:443/Bitcoin/'] }).mints).toEqual([
      'https://mint.example/Bitcoin',
    ]);
    expect(
      faultsOf(() => load({ ...FILE, mints: ['https://mint.example', 'https://MINT.example/'] }))
        .message,
    ).toBe('mints[1]: is there twice: https://mint.example');
  });

  test.each([
    'http://127.0.0.1:3338',
    'http://localhost:3338',
    'http://mint:3338',
    'http://192.168.1.7:3338',
    'http://[::1]:3338',
    'http://abcdef.onion',
  ])('a mint at %s needs no TLS', (mint) => {
    expect(load({ ...FILE, mints: [mint] }).mints).toEqual([mint]);
  });

  test.each([
    'http://mint.example',
    'http://8.8.8.8:3338',
    'http://127.0.0.1.example.com',
    'http://172.32.0.1',
    'http://[2001:db8::1]',
  ])('a mint at %s does', (mint) => {
    expect(faultsOf(() => load({ ...FILE, mints: [mint] })).message).toBe(
      'mints[0]: must be https: a mint that is reached over the Internet',
    );
  });
});

describe('settings', () => {
  test('the defaults are the documented ones', () => {
    const home = join(homedir(), '.nutroute');

    expect(loadSettings({ flags: {}, env: {}, cwd })).toEqual({
      host: '127.0.0.1',
      port: 8402,
      home,
      database: join(home, 'nutroute.db'),
      configFile: join(cwd, 'providers.json'),
      logLevel: 'info',
    });
  });

  test('the environment beats the default, a flag beats the environment, an empty variable is none', () => {
    const env = {
      HOST: '0.0.0.0',
      PORT: '9000',
      NUTROUTE_HOME: 'home',
      DATABASE_URL: '',
      NUTROUTE_CONFIG: '/etc/nutroute.json',
      LOG_LEVEL: 'debug',
    };

    expect(loadSettings({ flags: { port: '0', 'log-level': 'warn' }, env, cwd })).toEqual({
      host: '0.0.0.0',
      port: 0,
      home: join(cwd, 'home'),
      database: join(cwd, 'home', 'nutroute.db'),
      configFile: '/etc/nutroute.json',
      logLevel: 'warn',
    });
  });

  test.each([
    ['file:data/x.db', 'data/x.db'],
    ['file:/var/lib/x.db', '/var/lib/x.db'],
    ['file:///var/lib/x.db', '/var/lib/x.db'],
  ])('the database %s is the file %s', (database, path) => {
    const settings = loadSettings({ flags: { database }, env: {}, cwd });

    expect(settings.database).toBe(path.startsWith('/') ? path : join(cwd, path));
  });

  test.each([
    [{ port: 'http' }, '--port: must be a port from 0 to 65535'],
    [{ host: 'http://x' }, '--host: must be a host name or an address'],
    [{ 'log-level': 'loud' }, /^--log-level: must be "trace" or/],
    [{ database: 'postgres://u:secret@h/d' }, /^--database: must be file:PATH; other databases/],
  ])('%j is refused', (flags, message) => {
    const error = faultsOf(() => loadSettings({ flags, env: {}, cwd }));

    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret');
  });
});

test('config files in the repository are read without a fault', () => {
  const document: unknown = JSON.parse(
    readFileSync(new URL('../deploy/providers.json', import.meta.url), 'utf8'),
  );

  expect(() => load(document)).not.toThrow();
});
