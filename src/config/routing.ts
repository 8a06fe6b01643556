import type { Field } from '../lib/parse.ts';
import { boolean, integer, oneOf, optional, record, reject, withDefault } from '../lib/parse.ts';
import type { Parser } from '../lib/parse.ts';
import { orEmpty } from './fields.ts';

/** How the router chooses among upstreams. */
export interface RoutingConfig {
  readonly preset: RoutingPreset;
  /** Instead of the preset's, each from 0 to 1. */
  readonly weights: RoutingWeights | undefined;
  /** A second upstream is asked when the first is late. */
  readonly hedge: boolean;
  /** Upstreams tried for one request. */
  readonly maxAttempts: number;
}

export type RoutingPreset = 'balanced' | 'price' | 'speed' | 'trust';

export interface RoutingWeights {
  readonly price: number;
  readonly latency: number;
  readonly reliability: number;
  readonly trust: number;
}

/** Reads `routing`. */
export function routing(field: Field): RoutingConfig {
  const at = record(orEmpty(field), ['preset', 'weights', 'hedge', 'maxAttempts']);
  return {
    preset: withDefault(
      at('preset'),
      oneOf<RoutingPreset>(['balanced', 'price', 'speed', 'trust']),
      'balanced',
    ),
    weights: optional(at('weights'), weights),
    hedge: withDefault(at('hedge'), boolean, false),
    maxAttempts: withDefault(at('maxAttempts'), integer(1, 8), 4),
  };
}

const weights: Parser<RoutingWeights> = (field) => {
  const at = record(field, ['price', 'latency', 'reliability', 'trust']);
  return {
    price: withDefault(at('price'), share, 0),
    latency: withDefault(at('latency'), share, 0),
    reliability: withDefault(at('reliability'), share, 0),
    trust: withDefault(at('trust'), share, 0),
  };
};

const share: Parser<number> = (field) => {
  const { value } = field;
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  reject(field, 'must be a number from 0 to 1');
  return 0;
};
