import { setTimeout as sleep } from 'node:timers/promises';

import type { NodeView } from '../app/market-view.ts';
import { loadConfig } from '../config.ts';
import { MAX_CAP_SAT } from '../discovery/decision-file.ts';
import type { Decision } from '../discovery/decision-file.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { OK, UsageError } from './command.ts';
import { createErrorLog } from './log.ts';
import { probe } from './probe.ts';
import { nodeReport, nodesTable, viewJson } from './provider-report.ts';
import type { ProvidersView } from './providers-view.ts';

const WATCH_MS = 2_000;
const ACTIONS: readonly string[] = ['show', 'trust', 'block', 'forget', 'probe'];
const HIDDEN: ReadonlySet<NodeView['link']> = new Set(['down', 'stale', 'conflict']);
const NONE_FOUND =
  'no node was found yet: nutroute serve looks for them, nutroute doctor tells whether the relays answer\n';
const CLEAR = '\u001B[2J\u001B[H';

export const providers: Command = {
  name: 'providers',
  positionals: '[show NODE | trust NODE | block NODE | forget NODE | probe NODE]',
  maxPositionals: 2,
  summary: 'The nodes that were found, how far each is trusted, and what lies there',
  flags: {
    watch: { type: 'boolean', help: 'show the table again every 2 s' },
    cap: { type: 'string', value: 'SAT', help: 'with trust: the most that may be at risk there' },
    all: {
      type: 'boolean',
      help: 'also nodes that are down, blocked or at an address of another key',
    },
  },
  details:
    'NODE is an id of the table, an npub or a URL. It reads the database beside a running router; trust, block and\n' +
    'forget (your decision) count there within two seconds. probe asks the node now.',
  run: runProviders,
};

async function runProviders(args: Arguments, terminal: Terminal): Promise<number> {
  const act = actionOf(args);
  const config = loadConfig(args.sources);
  const { discovery } = config;
  if (discovery === undefined) {
    throw new Error(`discovery is off; "discovery": {} in ${config.configFile} turns it on`);
  }
  return act({ args, terminal, config, discovery });
}

function actionOf(args: Arguments): (view: ProvidersView) => Promise<number> {
  const [action, name] = args.positionals;
  if (action !== undefined && !ACTIONS.includes(action)) {
    throw new UsageError(`say show, trust, block, forget or probe, not ${action}`);
  }
  refuseStrayFlags(args, action);
  if (action === undefined) return list;
  if (name === undefined) throw new UsageError(`${action} needs a node`);
  switch (action) {
    case 'show':
      return (view) => show(view, name);
    case 'probe':
      return async (view) => probe(view, await find(view, name));
    case 'block':
      return (view) => decide(view, name, { block: true });
    case 'forget':
      return (view) => decide(view, name, undefined);
    default: {
      const capSat = capOf(args);
      return (view) => decide(view, name, { capSat });
    }
  }
}

/** A flag that would be passed over silently is a misunderstanding. */
function refuseStrayFlags(args: Arguments, action: string | undefined): void {
  if (args.text('cap') !== undefined && action !== 'trust') {
    throw new UsageError('--cap goes with trust');
  }
  const stray = ['watch', 'all'].find((flag) => args.has(flag));
  if (stray !== undefined && action !== undefined) {
    throw new UsageError(`--${stray} goes with the table, not with ${action}`);
  }
}

async function list(view: ProvidersView): Promise<number> {
  const { args, terminal } = view;
  for (;;) {
    const known = await read(view);
    const nodes = known.filter((node) => args.has('all') || isShown(node));
    const text = args.json
      ? `${JSON.stringify({ nodes: nodes.map(viewJson) })}\n`
      : tableText(nodes, known.length - nodes.length);
    const isLive = args.has('watch');
    terminal.stdout.write(isLive && !args.json ? `${CLEAR}${text}` : text);
    if (!isLive) return OK;
    await sleep(WATCH_MS);
  }
}

function tableText(nodes: readonly NodeView[], hidden: number): string {
  const [are, them] = hidden === 1 ? ['is', 'it'] : ['are', 'them'];
  const why = `${are} down, blocked or at an address of another key: --all shows ${them}\n`;
  if (nodes.length > 0) return nodesTable(nodes) + (hidden > 0 ? `${hidden} more ${why}` : '');
  return hidden > 0 ? `no node to show: ${hidden} ${why}` : NONE_FOUND;
}

function isShown({ link, standing }: NodeView): boolean {
  return !HIDDEN.has(link) && standing.level !== 'blocked';
}

async function show(view: ProvidersView, name: string): Promise<number> {
  const node = await find(view, name);
  const text = view.args.json ? `${JSON.stringify(viewJson(node))}\n` : nodeReport(node);
  view.terminal.stdout.write(text);
  return OK;
}

async function decide(
  view: ProvidersView,
  name: string,
  decision: Decision | undefined,
): Promise<number> {
  const { trustFileOf } = await import('../app/market.ts');
  const { writeDecision } = await import('../discovery/decision-file.ts');
  const { id, pubkey } = await find(view, name);
  await writeDecision(trustFileOf(view.config), pubkey, decision);
  const { args, terminal } = view;
  const text = args.json
    ? JSON.stringify({ id, pubkey, decision: decision ?? null })
    : `${id}: ${toldOf(decision, await find(view, id))}`;
  terminal.stdout.write(`${text}\n`);
  return OK;
}

/** `node`: as it stands now. */
function toldOf(decision: Decision | undefined, { standing, unused }: NodeView): string {
  if (decision === undefined) return 'your decision is taken back';
  if ('block' in decision) return 'nothing is bought there';
  const why = standing.level === 'blocked' ? standing.why.join('; ') : unused;
  const but = why === undefined ? '' : `, but nothing is bought there now: ${why}`;
  return `trusted with ${decision.capSat} sat${but}`;
}

function capOf(args: Arguments): number {
  const written = args.text('cap');
  if (written === undefined) throw new UsageError('trust needs --cap SAT');
  const capSat = /^\d{1,9}$/.test(written) ? Number(written) : Infinity;
  if (capSat > MAX_CAP_SAT) {
    throw new UsageError(`--cap needs a whole number of sat from 0 to ${MAX_CAP_SAT}`);
  }
  return capSat;
}

async function read({ config, discovery, terminal }: ProvidersView): Promise<readonly NodeView[]> {
  // Loaded late, so that help comes at once.
  const { readMarket } = await import('../app/market-view.ts');
  return (await readMarket(config, discovery, createErrorLog(terminal))) ?? [];
}

async function find(view: ProvidersView, name: string): Promise<NodeView> {
  const { pubkeyOf } = await import('../nostr/npub.ts');
  const nodes = await read(view);
  const wanted = (pubkeyOf(name) ?? name).replace(/\/+$/, '').toLowerCase();
  const found = nodes.find(
    ({ id, pubkey, url }) =>
      pubkey === wanted || id.toLowerCase() === wanted || url.toLowerCase() === wanted,
  );
  if (found === undefined) throw new Error(`no node is known as ${name}`);
  return found;
}
