import type { AnnouncedOffer } from '../../../src/discovery/announce/announced-offer.ts';

export const NOW_S = 1_763_700_000;
export const NOW_MS = NOW_S * 1000;

export function models(count: number): AnnouncedOffer['models'] {
  return Array.from({ length: count }, (_, at) => ({
    id: `vendor/model-${at}`,
    inputMsat: 1_200n + BigInt(at),
    outputMsat: 3_600n,
  }));
}

export const OFFER: AnnouncedOffer = {
  d: undefined,
  name: 'Blue Node',
  about: 'Fast models, paid in sats',
  urls: ['https://node.example.com', `http://${'a'.repeat(55)}d.onion`],
  mints: ['https://mint.example/Bitcoin'],
  version: '0.1.0',
  models: models(2),
};
