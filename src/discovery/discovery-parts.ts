import type { Market } from './market.ts';
import type { Registry } from './registry/registry.ts';
import type { Scout } from './scout.ts';
import type { Trust } from './trust/trust.ts';
import type { Watch } from './watch/watch.ts';

export interface DiscoveryParts {
  readonly registry: Registry;
  readonly scout: Scout;
  readonly watch: Watch;
  readonly trust: Trust;
  readonly market: Market;
}
