import { MAX_LIMIT } from './event-store.ts';

export const MAX_MESSAGE_BYTES = 131_072;
export const MAX_SUBSCRIPTIONS = 64;
export const MAX_SUBSCRIPTION_ID_CHARS = 64;
/** Seconds that an event may be ahead of our clock. */
export const MAX_AHEAD_S = 900;

/** What the relay tells about itself (NIP-11). */
export function relayInformation(authRequired: boolean): object {
  return {
    name: 'demo relay',
    description: 'A relay of the demo world: everything in memory, loopback only',
    software: 'nutroute demo',
    supported_nips: [1, 9, 11, 40, 42, 45, 70],
    limitation: {
      max_message_length: MAX_MESSAGE_BYTES,
      max_subscriptions: MAX_SUBSCRIPTIONS,
      max_subid_length: MAX_SUBSCRIPTION_ID_CHARS,
      max_limit: MAX_LIMIT,
      default_limit: MAX_LIMIT,
      created_at_upper_limit: MAX_AHEAD_S,
      auth_required: authRequired,
      payment_required: false,
      restricted_writes: false,
      min_pow_difficulty: 0,
    },
  };
}
