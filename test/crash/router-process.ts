import { parseArgs } from 'node:util';

import { startApp } from '../../src/app.ts';
import { createLog } from '../../src/cli/log.ts';
import { stopSignal } from '../../src/cli/stop-signal.ts';
import { loadConfig } from '../../src/config.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { StoreOptions } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { crashingStore, isCrashPoint } from './crash-point.ts';
import { isSabotage, sabotageDatabase } from './sabotage.ts';

/**
 * `nutroute serve` in a process of its own, which dies where it is told: `node router-process.ts --config FILE --home FOLDER
 * [--port N] [--point NAME] [--nth N] [--proof FILE] [--sabotage NAME]`.
 */
const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'providers.json' },
    home: { type: 'string', default: '.' },
    port: { type: 'string', default: '0' },
    point: { type: 'string', default: '' },
    nth: { type: 'string', default: '1' },
    proof: { type: 'string', default: 'proof.txt' },
    sabotage: { type: 'string', default: '' },
  },
});

const flags = { config: values.config, home: values.home, port: values.port };
const config = loadConfig({ flags, env: {}, cwd: process.cwd() });
const { stdin, stdout, stderr } = process;
const terminal = { stdin, stdout, stderr, env: {}, cwd: process.cwd() };
const log = createLog('info', terminal, true);

async function openCrashingStore(options: StoreOptions): Promise<Store> {
  const store = await openStore(options);
  if (isSabotage(values.sabotage)) sabotageDatabase(config.database, values.sabotage);
  if (!isCrashPoint(values.point)) return store;
  const { point, proof } = values;
  return crashingStore(store, { point, nth: Number(values.nth), proof });
}

const stopped = stopSignal();
const app = await startApp(config, log, { openStore: openCrashingStore });
log.info({ event: 'listening', url: app.url }, 'listening');
await stopped;
await app.stop();
