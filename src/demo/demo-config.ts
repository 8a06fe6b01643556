import { join } from 'node:path';

import type { Config } from '../config.ts';
import { providersFile } from '../config/providers-file.ts';
import type { Fault } from '../lib/parse.ts';
import { rootField } from '../lib/parse.ts';

export interface DemoNode {
  readonly home: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The content of its providers.json. */
  readonly file: object;
}

/** The configuration of a router that runs inside the demo. Throws for a faulty file: that is a fault of the demo. */
export function demoConfig({ home, host, port, file }: DemoNode): Config {
  const faults: Fault[] = [];
  const content = providersFile(rootField(file, '', faults), { env: {}, directory: home });
  const [fault] = faults;
  if (fault !== undefined) throw new Error(`${fault.path} ${fault.message}`);
  const database = join(home, 'nutroute.db');
  return { host, port, home, database, configFile: '', logLevel: 'warn', ...content };
}
