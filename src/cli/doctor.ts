import type { Config } from '../config.ts';
import { ConfigError, loadConfig } from '../config.ts';
import type { BooksReport } from '../money.ts';
import { checkMint, checkUpstream, reportChecks } from './check.ts';
import type { Check } from './check.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { FAILED, OK } from './command.ts';
import { createErrorLog } from './log.ts';
import { capitalChecks, marketChecks } from './market-checks.ts';

export const doctor: Command = {
  name: 'doctor',
  positionals: '',
  maxPositionals: 0,
  summary: 'Check configuration, mints, upstreams, relays and books',
  flags: {},
  details: 'Exit 1 when something is wrong. The books are only read; the router may be running.',
  async run(args, terminal) {
    const checks = await allChecks(args, terminal);
    return reportChecks(checks, args.json, terminal) ? OK : FAILED;
  },
};

async function allChecks(args: Arguments, terminal: Terminal): Promise<Check[]> {
  const name = 'configuration';
  let config: Config;
  try {
    config = loadConfig(args.sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => ({
      name,
      ok: false,
      message: `${path} ${message}`,
    }));
  }
  return [
    { name, ok: true, message: config.configFile },
    ...(await Promise.all(config.mints.map(checkMint))),
    ...(await Promise.all(config.providers.map((each) => checkUpstream(each, config.mints)))),
    ...(await marketChecks(config)),
    ...(await bookChecks(config, terminal)),
  ];
}

async function bookChecks(config: Config, terminal: Terminal): Promise<Check[]> {
  const name = 'books';
  try {
    const { checkBooks } = await import('../money.ts');
    const books = await checkBooks(config, createErrorLog(terminal));
    return [...booksFound(name, books), ...capitalChecks(config, books)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ name, ok: false, message: `cannot be read: ${why}` }];
  }
}

function booksFound(name: string, books: BooksReport | undefined): Check[] {
  if (books === undefined) return [{ name, ok: true, message: 'there is no database yet' }];
  if (books.faults.length === 0) return [{ name, ok: true, message: books.summary }];
  return books.faults.map((message) => ({ name, ok: false, message }));
}
