import type { AnnounceReport } from '../app/offline-announcing.ts';
import { loadConfig } from '../config.ts';
import type { Config } from '../config.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { FAILED, OK } from './command.ts';
import { createErrorLog } from './log.ts';
import { shown } from './table.ts';

const MAX_MESSAGE = 200;

export const announce: Command = {
  name: 'announce',
  positionals: '',
  maxPositionals: 0,
  summary: 'Tell the relays what this node sells',
  flags: { 'dry-run': { type: 'boolean', help: 'print the event; sign and send nothing' } },
  details:
    'A running router announces by itself, and again every 6 hours. This is for one that is stopped, to see what\n' +
    'would be told, or to announce again after retire.',
  async run(args, terminal) {
    const config = announcedConfig(args);
    const { withAnnouncer } = await import('../app/offline-announcing.ts');
    const log = createErrorLog(terminal);
    if (!args.has('dry-run')) {
      const report = await withAnnouncer(config, log, (announcer) => announcer.announceNow());
      return tell(report, args, terminal);
    }
    const event = await withAnnouncer(config, log, (announcer) => announcer.preview());
    terminal.stdout.write(`${JSON.stringify(event, undefined, args.json ? 0 : 2)}\n`);
    return OK;
  },
};

export const retire: Command = {
  name: 'retire',
  positionals: '',
  maxPositionals: 0,
  summary: 'Take the announcement back from the relays',
  flags: {},
  details:
    'Stop the router first. It is not announced again, by no later run, before `nutroute announce`.',
  async run(args, terminal) {
    const config = announcedConfig(args);
    const { withAnnouncer } = await import('../app/offline-announcing.ts');
    const report = await withAnnouncer(config, createErrorLog(terminal), (announcer) =>
      announcer.retire(),
    );
    return tell(report, args, terminal);
  },
};

function announcedConfig(args: Arguments): Config {
  const config = loadConfig(args.sources);
  if (config.node.relays.length === 0) throw new Error('node.relays names no relay');
  return config;
}

const GOOD: ReadonlySet<string> = new Set(['held', 'accepted']);

function tell(report: AnnounceReport, args: Arguments, terminal: Terminal): number {
  const isTold = report.relays.some(({ state }) => GOOD.has(state));
  const why = report.why === undefined ? [] : [`${report.outcome}: ${report.why}`];
  const relays = report.relays.map(
    ({ relay, state, message }) => `${state.padEnd(11)} ${relay} ${shown(message, MAX_MESSAGE)}`,
  );
  const text = args.json
    ? JSON.stringify({ ok: isTold, ...report })
    : [...why, ...relays].join('\n');
  terminal.stdout.write(`${text}\n`);
  return isTold ? OK : FAILED;
}
