import { loadSettings } from '../config.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { OK } from './command.ts';
import { fetchJson, fieldOf, reasonOf } from './router-client.ts';
import { routerUrl } from './router-url.ts';
import { shown, tableOf } from './table.ts';

const TOKENS = 1_000_000;
const MAX_NAME = 48;

export const models: Command = {
  name: 'models',
  positionals: '[TEXT]',
  maxPositionals: 1,
  summary: 'The models a router serves, their prices and how many upstreams have them',
  flags: { router: { type: 'string', value: 'URL', help: 'whom to ask (http://HOST:PORT)' } },
  details:
    'Prices are sat per million tokens, from the cheapest to the dearest upstream. TEXT: only models whose name has it.',
  async run(args, terminal) {
    const router = routerUrl(loadSettings(args.sources), args.text('router'));
    const wanted = (args.positionals[0] ?? '').toLowerCase();
    const list = await modelsOf(router);
    if (list.length === 0 && !args.json) {
      terminal.stdout.write(`${router} serves no model now: ${router}/health tells why\n`);
      return OK;
    }
    const found = list.filter(({ id }) => id.toLowerCase().includes(wanted));
    print(found, args, terminal);
    return OK;
  },
};

interface ModelLine {
  readonly id: string;
  readonly upstreams: number;
  readonly input: string;
  readonly output: string;
  readonly context: number;
}

async function modelsOf(router: string): Promise<readonly ModelLine[]> {
  const { status, body } = await fetchJson(`${router}/v1/models`).catch((error: unknown) => {
    throw new Error(`${router} does not answer: ${reasonOf(error)}`, { cause: error });
  });
  const data = fieldOf(body, 'data');
  if (status !== 200 || !Array.isArray(data)) throw new Error(`${router} lists no models`);
  const items: readonly unknown[] = data;
  return items.flatMap((item) => {
    const id = fieldOf(item, 'id');
    return typeof id === 'string' ? [lineOf(id, item)] : [];
  });
}

function lineOf(id: string, item: unknown): ModelLine {
  const ours = fieldOf(item, 'nutroute');
  const dearest = fieldOf(item, 'sats_pricing');
  const range = (field: string): string => {
    const most = perMillion(fieldOf(dearest, field));
    const least = perMillion(fieldOf(fieldOf(ours, 'lowest'), field)) ?? most;
    if (most === undefined) return '?';
    return least === most ? most : `${least}-${most}`;
  };
  return {
    id,
    upstreams: Number(fieldOf(ours, 'upstreams') ?? 1),
    input: range('prompt'),
    output: range('completion'),
    context: Number(fieldOf(item, 'context_length') ?? 0),
  };
}

function perMillion(satPerToken: unknown): string | undefined {
  if (typeof satPerToken !== 'number') return undefined;
  return String(Number((satPerToken * TOKENS).toPrecision(6)));
}

function print(found: readonly ModelLine[], args: Arguments, terminal: Terminal): void {
  if (args.json) {
    terminal.stdout.write(`${JSON.stringify({ models: found })}\n`);
    return;
  }
  const columns = [
    { head: 'model' },
    { head: 'upstreams', right: true },
    { head: 'input sat/M', right: true },
    { head: 'output sat/M', right: true },
    { head: 'context', right: true },
  ];
  const rows = found.map(({ id, upstreams, input, output, context }) => [
    shown(id, MAX_NAME),
    String(upstreams),
    input,
    output,
    String(context),
  ]);
  terminal.stdout.write(found.length === 0 ? 'no such model is served\n' : tableOf(columns, rows));
}
