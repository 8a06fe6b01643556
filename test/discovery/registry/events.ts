import { createHash } from 'node:crypto';

import type { NostrEvent } from '../../../src/nostr/event.ts';

/** Unix seconds at which the tests of the registry begin. */
export const NOW_S = 1_790_000_000;

export function keyOf(name: string | number): string {
  return createHash('sha256').update(`key ${name}`).digest('hex');
}

/** The registry takes an event only after its signature was checked, so that these have none. */
export function eventOf(parts: Partial<NostrEvent>): NostrEvent {
  const event = {
    kind: 38421,
    pubkey: keyOf('node'),
    created_at: NOW_S - 1000,
    tags: [],
    content: '',
    ...parts,
  };
  const id = createHash('sha256').update(JSON.stringify(event)).digest('hex');
  return { id, sig: '0'.repeat(128), ...event };
}

/** As Routstr core makes it. */
export function announcement(
  parts: Partial<NostrEvent> = {},
  more: readonly (readonly string[])[] = [],
) {
  return eventOf({
    content: JSON.stringify({ name: 'Blue Node', about: 'Fast models, paid in sats' }),
    tags: [
      ['d', '79be667ef9dc'],
      ['u', 'https://node.example.com'],
      ['mint', 'https://mint.minibits.cash/Bitcoin'],
      ['version', '0.4.7'],
      ...more,
    ],
    ...parts,
  });
}

/** Another project's offer on the same kind. */
export function squatter(index: number): NostrEvent {
  return eventOf({
    pubkey: keyOf(`squatter ${index}`),
    tags: [
      ['d', 'lnproxy-v1'],
      ['n', 'signet'],
      ['nonce', String(index)],
    ],
    content: JSON.stringify({ base_fee_msat: 1000, fee_ppm: 1000 }),
  });
}
