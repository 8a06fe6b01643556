// Three relays in a process of their own, full of what the bench asks for.
import { createHash } from 'node:crypto';

import { initNostrWasm } from 'nostr-wasm';
import type { Nostr } from 'nostr-wasm';

import { startRelay } from '../../src/demo/relay.ts';
import type { NostrEvent } from '../../src/nostr/event.ts';
import { serveParent } from './parent.ts';

export interface Filling {
  readonly honest: number;
  /** Beside the honest ones, at all relays but the last. */
  readonly hostile: number;
}

type Template = Pick<NostrEvent, 'kind' | 'created_at' | 'content'> & { readonly tags: string[][] };

const KIND = 38_421;
const MODELS = 20;
const nowS = Math.floor(Date.now() / 1000);
const relays = await Promise.all([1, 2, 3].map(() => startRelay({ verify: false })));
const nostr = await initNostrWasm();

serveParent({
  urls: () => relays.map(({ url }) => url),
  fill({ honest, hostile }: Filling): number {
    const events = Array.from({ length: honest }, (_, at) => sign(nostr, at, offer(at)));
    // Where there are hostile relays, they alone lack the honest nodes.
    const holders = hostile > 0 ? relays.slice(-1) : relays;
    for (const relay of holders) for (const event of events) relay.store(event);
    const liars = relays.slice(0, -1);
    for (let at = 0; at < hostile; at++) {
      liars[at % liars.length]?.store(HOSTILE[at % HOSTILE.length]?.(at, events) ?? forged(at));
    }
    return events.length;
  },
});
process.send?.({ url: relays[0]?.url ?? '' });

/** As this program announces itself: two addresses, two mints, twenty models with their prices. */
function offer(at: number): Template {
  const models = Array.from(
    { length: MODELS },
    (_, n) => `vendor${at % 17}/model-${(at + n) % 300}`,
  );
  return {
    kind: KIND,
    created_at: nowS - 10 - at,
    content: JSON.stringify({ name: `Node ${at}`, about: `vLLM on 4xH100, EU, number ${at}` }),
    tags: [
      ['d', 'main'],
      ['u', `https://node${at}.example.org`],
      ['u', `https://node${at}.example.net/api`],
      ['mint', 'https://mint.minibits.cash/Bitcoin'],
      ['mint', `https://mint${at % 50}.example.org`],
      ['version', 'nutroute-0.1.0'],
      ['expiration', String(nowS + 172_800)],
      ['t', 'routstr'],
      ...models.map((id) => ['t', `model:${id}`]),
      ...models.map((id) => ['price', id, '1200', '3600', 'msat/1k']),
    ],
  };
}

function sign(nostr: Nostr, number: number, template: Template): NostrEvent {
  const key = createHash('sha256').update(`node ${number}`).digest();
  const event = { ...template, tags: template.tags, pubkey: '', id: '', sig: '' };
  nostr.finalizeEvent(event, key);
  return event;
}

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Right in form, wrong in signature. */
function forged(at: number): NostrEvent {
  return { ...offer(at), id: hex(`id ${at}`), pubkey: hex(`key ${at}`), sig: hex('sig').repeat(2) };
}

const HOSTILE: readonly ((at: number, honest: readonly NostrEvent[]) => NostrEvent)[] = [
  forged,
  (at) => ({ ...forged(at), tags: [['d', 'lnproxy-v1']], content: '{"fee_ppm":1000}' }),
  (at) => ({ ...forged(at), content: 'x'.repeat(60_000) }),
  (at) => ({ ...forged(at), created_at: nowS + 86_400 }),
  // The id of a genuine event, which another relay has too.
  (at, honest) => ({ ...(honest[at % honest.length] ?? forged(at)), content: `forged ${at}` }),
];
