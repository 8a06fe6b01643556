import type { NodeView } from '../app/market-view.ts';
import { npubOf } from '../nostr/npub.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { shown, tableOf } from './table.ts';

const MAX_NAME = 32;
const MAX_LINE = 400;
/** All that trust rests on, or fifty mints. */
const MAX_FACT = 4_000;
const MODELS_SHOWN = 20;
const TOKENS = 1_000_000;

/** All nodes, one a line. */
export function nodesTable(nodes: readonly NodeView[]): string {
  const columns = [
    { head: 'node' },
    { head: 'models', right: true },
    { head: 'output sat/M', right: true },
    { head: 'latency', right: true },
    { head: 'trust' },
    { head: 'at risk', right: true },
    { head: 'cap', right: true },
    { head: 'not bought from because' },
  ];
  const rows = nodes.map((node) => [
    shown(node.id, MAX_NAME),
    node.models === undefined ? '?' : String(node.models.length),
    priceRange(node.models ?? []),
    node.health.latencyMs === undefined ? '-' : `${Math.round(node.health.latencyMs)} ms`,
    node.standing.level,
    sat(node.atRiskMsat),
    String(node.standing.capSat),
    node.unused ?? '',
  ]);
  return tableOf(columns, rows);
}

/** Everything known of one node. */
export function nodeReport(node: NodeView): string {
  const { standing, models = [] } = node;
  // What a directory named, and no key announced.
  const isAnnounced = node.announcedAt > 0;
  const facts: readonly (readonly [string, string])[] = [
    ['id', node.id],
    ['name', shown(node.name, MAX_LINE)],
    ['about', shown(node.about, MAX_LINE)],
    ['key', isAnnounced ? npubOf(node.pubkey) : 'none: it is known by its address alone'],
    ['address', `${node.url} (${node.link})`],
    ['mints', node.mints.join(', ')],
    ['version', shown(node.version ?? 'not told', MAX_LINE)],
    ['announced', isAnnounced ? new Date(node.announcedAt * 1000).toISOString() : 'never'],
    ['trust', `${standing.level}: ${standing.why.join('; ')}`],
    ['at risk', `${sat(node.atRiskMsat)} of at most ${standing.capSat} sat`],
    ['bought from', node.unused === undefined ? 'yes' : `no: ${node.unused}`],
  ];
  const head = facts
    .map(([name, value]) => `${name.padEnd(12)}${shown(value, MAX_FACT)}`.trimEnd())
    .join('\n')
    .concat('\n');
  if (models.length === 0) return head;
  const columns = [
    { head: 'model' },
    { head: 'input sat/M', right: true },
    { head: 'output sat/M', right: true },
  ];
  const rows = models
    .slice(0, MODELS_SHOWN)
    .map(({ id, satPerToken }) => [
      shown(id, MAX_LINE),
      perMillion(satPerToken?.input),
      perMillion(satPerToken?.output),
    ]);
  const more = models.length - rows.length;
  return `${head}\n${tableOf(columns, rows)}${more > 0 ? `and ${more} more\n` : ''}`;
}

/** For programs. Amounts in msat as text of whole numbers; prices as the node tells them, sat per token. */
export function viewJson(node: NodeView): object {
  const { atRiskMsat, models, ...rest } = node;
  return {
    ...rest,
    atRiskMsat: String(atRiskMsat),
    unused: node.unused ?? null,
    models:
      models?.map(({ id, satPerToken }) => ({ id, satPerToken: satPerToken ?? null })) ?? null,
  };
}

function priceRange(models: readonly ListedModel[]): string {
  const prices = models.flatMap(({ satPerToken }) => {
    const price = Number(satPerToken?.output ?? Number.NaN) * TOKENS;
    return Number.isFinite(price) ? [price] : [];
  });
  if (prices.length === 0) return '?';
  const [least, most] = [Math.min(...prices), Math.max(...prices)].map(plain);
  return least === most ? `${least}` : `${least}-${most}`;
}

function perMillion(satPerToken: string | undefined): string {
  const price = Number(satPerToken ?? Number.NaN) * TOKENS;
  return Number.isFinite(price) ? plain(price) : '?';
}

function plain(price: number): string {
  return String(Number(price.toPrecision(6)));
}

function sat(msat: bigint): string {
  return (Number(msat) / 1000).toFixed(3);
}
