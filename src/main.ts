import type { Command, Terminal } from './cli/command.ts';
import { FAILED, helpOf, OK, parseArguments, UsageError, WRONG_USAGE } from './cli/command.ts';
import { ConfigError } from './config.ts';
import { VERSION } from './version.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loaded when asked for, so that `nutroute --help` need not load a database. */
  load(): Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  {
    name: 'demo',
    summary: 'A whole little world on this machine, and one paid request through it',
    load: async () => (await import('./cli/demo.ts')).demo,
  },
  {
    name: 'init',
    summary: 'Write providers.json',
    load: async () => (await import('./cli/init.ts')).init,
  },
  {
    name: 'serve',
    summary: 'Sell the models of providers.json, and of the nodes it finds',
    load: async () => (await import('./cli/serve.ts')).serve,
  },
  {
    name: 'doctor',
    summary: 'Check configuration, mints, upstreams, relays and books',
    load: async () => (await import('./cli/doctor.ts')).doctor,
  },
  {
    name: 'wallet',
    summary: "The router's own money: balance, receive, send",
    load: async () => (await import('./cli/wallet.ts')).wallet,
  },
  {
    name: 'providers',
    summary: 'The nodes that were found: prices, trust, what is at risk',
    load: async () => (await import('./cli/providers.ts')).providers,
  },
  {
    name: 'models',
    summary: 'The models a router serves, and their prices',
    load: async () => (await import('./cli/models.ts')).models,
  },
  {
    name: 'announce',
    summary: 'Tell the relays what this node sells',
    load: async () => (await import('./cli/announce.ts')).announce,
  },
  {
    name: 'retire',
    summary: 'Take the announcement back from the relays',
    load: async () => (await import('./cli/announce.ts')).retire,
  },
  {
    name: 'ask',
    summary: 'Ask a model and pay from a purse',
    load: async () => (await import('./cli/ask.ts')).ask,
  },
];

/** Runs a command line; resolves with the exit code: 0 ok, 1 failed, 2 wrong usage. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.stdout.write(overview());
    return name === undefined ? WRONG_USAGE : OK;
  }
  if (name === '--version' || name === '-v') {
    terminal.stdout.write(`${VERSION}\n`);
    return OK;
  }
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry === undefined) {
    terminal.stderr.write(`nutroute: unknown subcommand: ${name}\n\n${overview()}`);
    return WRONG_USAGE;
  }
  return runCommand(await entry.load(), rest, terminal);
}

async function runCommand(
  command: Command,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    const args = parseArguments(command, argv, terminal);
    if (args.has('help')) {
      terminal.stdout.write(helpOf(command));
      return OK;
    }
    return await command.run(args, terminal);
  } catch (error) {
    if (argv.includes('--json')) terminal.stdout.write(`${JSON.stringify(failureOf(error))}\n`);
    return explainFailure(error, command, terminal);
  }
}

/** For programs; people read stderr. */
function failureOf(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ConfigError
    ? { ok: false, error: 'the configuration cannot be used', faults: error.faults }
    : { ok: false, error: message };
}

function explainFailure(error: unknown, command: Command, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.stderr.write(
      `nutroute ${command.name}: ${error.message}\nTry: nutroute ${command.name} --help\n`,
    );
    return WRONG_USAGE;
  }
  if (error instanceof ConfigError) {
    const advice =
      error.kind === 'missing'
        ? 'nutroute init writes one; --config names another.\n'
        : 'Nothing was started.\n';
    terminal.stderr.write(
      `nutroute: the configuration cannot be used:\n${indent(error.message)}\n${advice}`,
    );
    return FAILED;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.stderr.write(`nutroute ${command.name}: ${message}\n`);
  return FAILED;
}

function indent(lines: string): string {
  return lines.replaceAll(/^/gm, '  ');
}

function overview(): string {
  return [
    'An OpenAI-compatible router that is paid per request with ecash.\n',
    'Usage: nutroute SUBCOMMAND [flags]\n',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`),
    '',
    'nutroute SUBCOMMAND --help tells the flags; nutroute --version the version.',
    '',
  ].join('\n');
}

function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return { stdin, stdout, stderr, env, cwd: process.cwd() };
}
