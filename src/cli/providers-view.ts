import type { Config } from '../config.ts';
import type { DiscoveryConfig } from '../config/discovery.ts';
import type { Arguments, Terminal } from './command.ts';

/** What every action of `providers` works with. */
export interface ProvidersView {
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly config: Config;
  readonly discovery: DiscoveryConfig;
}
