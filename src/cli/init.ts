import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { ConfigError, loadSettings } from '../config.ts';
import { NETWORK_RELAYS } from '../config/discovery.ts';
import type { ProvidersFile } from '../config/providers-file.ts';
import { providersFile } from '../config/providers-file.ts';
import type { Fault } from '../lib/parse.ts';
import { rootField } from '../lib/parse.ts';
import { checkMint, checkUpstream, reportChecks } from './check.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { FAILED, OK, UsageError } from './command.ts';
import type { Answers } from './init-questions.ts';
import { askAnswers, NO_UPSTREAM } from './init-questions.ts';

export const init: Command = {
  name: 'init',
  positionals: '',
  maxPositionals: 0,
  summary: 'Write providers.json',
  flags: {
    upstream: {
      type: 'string',
      value: 'URL',
      help: 'base URL of the upstream, up to /v1; or none',
    },
    'api-key-env': { type: 'string', value: 'NAME', help: 'environment variable with its key' },
    model: {
      type: 'string',
      value: 'ID',
      multiple: true,
      help: 'a model to sell; repeat it (all)',
    },
    price: {
      type: 'string',
      value: 'SOURCE',
      help: '"list" (embedded list) or "upstream" (its own)',
    },
    'price-input': { type: 'string', value: 'N', help: 'per million input tokens' },
    'price-output': { type: 'string', value: 'N', help: 'per million output tokens' },
    'price-unit': { type: 'string', value: 'UNIT', help: 'usd or sat (usd)' },
    mint: { type: 'string', value: 'URL', multiple: true, help: 'an accepted mint; repeat it' },
    name: { type: 'string', value: 'NAME', help: 'name of this node' },
    discovery: { type: 'boolean', help: 'find other nodes, and buy from them' },
    url: { type: 'string', value: 'URL', help: 'where others reach this node: it is announced' },
    relay: {
      type: 'string',
      value: 'URL',
      multiple: true,
      help: "Nostr relay to announce it on; repeat it (the network's)",
    },
    usd: { type: 'string', value: 'N', help: 'fixed US dollars per bitcoin (public sources)' },
    'no-check': {
      type: 'boolean',
      help: 'do not ask the upstream and the mint whether they are there',
    },
    force: { type: 'boolean', help: 'overwrite an existing file' },
  },
  details: 'In a terminal it asks for what the flags leave open.',
  run: runInit,
};

async function runInit(args: Arguments, terminal: Terminal): Promise<number> {
  const { configFile } = loadSettings(args.sources);
  if (existsSync(configFile) && !args.has('force')) {
    throw new Error(`${configFile} is already there; --force overwrites it`);
  }
  const answers = terminal.stdin.isTTY === true ? await askAnswers(args, terminal) : args;
  const document = documentOf(answers);
  const file = parsed(document, args, answers.text('api-key-env'));
  if (!args.has('no-check')) {
    const checks = [
      ...(await Promise.all(file.mints.map(checkMint))),
      ...(await Promise.all(file.providers.map((each) => checkUpstream(each, file.mints)))),
    ];
    if (!reportChecks(checks, args.json, terminal)) {
      terminal.stderr.write('Nothing was written; --no-check writes it all the same.\n');
      return FAILED;
    }
  }
  mkdirSync(dirname(configFile), { recursive: true });
  writeFileSync(configFile, `${JSON.stringify(document, undefined, 2)}\n`);
  copySchema(dirname(configFile));
  if (!args.json) terminal.stdout.write(`Wrote ${configFile}. ${nextStep(file)}\n`);
  return OK;
}

function nextStep({ discovery }: ProvidersFile): string {
  const start = 'Start with: nutroute serve';
  return discovery === undefined
    ? start
    : `Put in what it may buy with: nutroute wallet receive TOKEN. Then ${start.toLowerCase()}`;
}

function documentOf(answers: Answers): unknown {
  const upstream = answers.text('upstream');
  const isBuyer = answers.has('discovery') || upstream === NO_UPSTREAM;
  const mints = answers.texts('mint');
  if (upstream === undefined && !isBuyer) throw new UsageError('--upstream is missing');
  if (mints.length === 0) throw new UsageError('--mint is missing');
  const usd = answers.text('usd');
  return {
    $schema: './providers.schema.json',
    node: nodeOf(answers),
    mints,
    bitcoin: { usd: usd === undefined || usd === 'auto' ? 'auto' : numberOf('usd', usd) },
    providers:
      upstream === undefined || upstream === NO_UPSTREAM ? [] : [providerOf(upstream, answers)],
    ...(isBuyer && { discovery: {} }),
  };
}

function nodeOf(answers: Answers): object {
  const name = answers.text('name') ?? 'nutroute';
  const url = answers.text('url');
  if (url === undefined) return { name };
  const relays = answers.texts('relay');
  return { name, url, relays: relays.length === 0 ? NETWORK_RELAYS : relays };
}

function providerOf(upstream: string, answers: Answers): object {
  const models = answers.texts('model');
  const apiKeyEnv = answers.text('api-key-env');
  return {
    id: idOf(upstream),
    kind: 'openai',
    baseUrl: upstream,
    ...(apiKeyEnv === undefined ? {} : { apiKey: `env:${apiKeyEnv}` }),
    models: models.length === 0 ? '*' : models.map((id) => ({ id })),
    ...priceOf(answers),
  };
}

function priceOf(answers: Answers): { readonly price?: unknown } {
  const source = answers.text('price');
  const input = answers.text('price-input');
  const output = answers.text('price-output');
  if (source === 'list' && input === undefined && output === undefined) return { price: 'list' };
  if (source === 'upstream' && input === undefined && output === undefined) return {};
  if (source !== undefined || input === undefined || output === undefined) {
    throw new UsageError(
      'give --price list, --price upstream, or --price-input and --price-output',
    );
  }
  return {
    price: {
      unit: answers.text('price-unit') ?? 'usd',
      input: numberOf('price-input', input),
      output: numberOf('price-output', output),
    },
  };
}

function numberOf(flag: string, written: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(written)) return Number(written);
  throw new UsageError(`--${flag} must be a number, not ${written}`);
}

/** `https://api.openai.com/v1` -> `api.openai.com`. */
function idOf(upstream: string): string {
  const host = URL.parse(upstream)?.hostname ?? '';
  return host.replaceAll(/[^A-Za-z0-9.-]/g, '').slice(0, 64) || 'upstream';
}

/** What the router will make of the document, so that init never writes a file that serve refuses. Throws ConfigError. */
function parsed(document: unknown, args: Arguments, keyName: string | undefined): ProvidersFile {
  const faults: Fault[] = [];
  const { env, cwd } = args.sources;
  // Unchecked, the key may be put into the environment later.
  const later = args.has('no-check') && keyName !== undefined ? { [keyName]: 'later' } : {};
  const file = providersFile(rootField(document, '', faults), {
    env: { ...later, ...env },
    directory: cwd,
  });
  if (faults.length > 0) throw new ConfigError('faulty', faults);
  return file;
}

/** Editors find it through `$schema`. */
function copySchema(folder: string): void {
  const schema = new URL('../../providers.schema.json', import.meta.url);
  const target = join(folder, 'providers.schema.json');
  if (!existsSync(target)) copyFileSync(schema, target);
}
