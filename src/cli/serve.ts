import { loadConfig } from '../config.ts';
import type { Command } from './command.ts';
import { OK } from './command.ts';
import { createLog } from './log.ts';
import { stopSignal } from './stop-signal.ts';

export const serve: Command = {
  name: 'serve',
  positionals: '',
  maxPositionals: 0,
  summary: 'Sell the models of providers.json, and of the nodes it finds',
  flags: {},
  details:
    'Logs JSON lines on stdout (text, where stdout is a terminal), one of them with "event":"listening".\n' +
    'SIGTERM or Ctrl-C: running answers finish (30 s at most), everything settles, exit 0; a second one\n' +
    'ends at once and loses nothing.',
  async run(args, terminal) {
    const config = loadConfig(args.sources);
    const log = createLog(config.logLevel, terminal, args.json);
    // Loaded late, so that help and faults of the configuration come at once.
    const { startApp } = await import('../app.ts');
    const stopped = stopSignal();
    const app = await startApp(config, log);
    log.info({ event: 'listening', url: app.url }, `listening on ${app.url}`);
    const signal = await stopped;
    log.info({ event: 'stopping', signal }, 'no new requests; running ones finish');
    await app.stop();
    log.info({ event: 'stopped' }, 'everything is settled');
    return OK;
  },
};
