import { createHash } from 'node:crypto';

import type { EventTemplate } from '../../nostr/event.ts';
import { addressOf } from './announced-offer.ts';
import type { AnnouncedModel, AnnouncedOffer } from './announced-offer.ts';

export const ANNOUNCEMENT_KIND = 38421;
/** Models that stand in the event itself; the others show at `/v1/models`. */
export const MAX_ANNOUNCED_MODELS = 30;

const MAX_TOP_PRICES = 5;
const MAX_URLS = 2;
const MAX_MINTS = 16;
const MAX_MODEL_CHARS = 200;
/** A node that is gone shows for two days at most; one that lives says so every 6 h. */
const LIFETIME_S = 48 * 3600;
const PRICE_UNIT = 'msat/1k';
const ALT = 'LLM inference provider, pay per request with Cashu';
/** Clients drop an announcement that says nothing about the node. */
const DEFAULT_NAME = 'nutroute';
const DEFAULT_ABOUT = 'OpenAI-compatible inference, paid per request with Cashu, exact change';

export interface Occasion {
  readonly pubkey: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly maxModels: number;
}

/**
 * The announcement (kind 38421) of an offer without fault: RIP-02 with more tags that every known client passes over. Amounts
 * are advertised; what is charged is what `/v1/models` says.
 */
export function announcementOf(offer: AnnouncedOffer, occasion: Occasion): EventTemplate {
  const models = offer.models.filter(isFit).slice(0, occasion.maxModels);
  const urls = offer.urls.slice(0, MAX_URLS).map((url) => url.replace(/\/$/, ''));
  const [home = ''] = urls;
  return {
    kind: ANNOUNCEMENT_KIND,
    created_at: occasion.createdAt,
    tags: [
      ['d', addressOf(offer, occasion.pubkey)],
      ...urls.map((url) => ['u', url]),
      ...offer.mints.slice(0, MAX_MINTS).map((mint) => ['mint', mint]),
      ['version', `nutroute/${offer.version}`],
      ['expiration', String(occasion.createdAt + LIFETIME_S)],
      ['t', 'routstr'],
      ...models.map(({ id }) => ['t', `model:${id}`]),
      ...models.map(priceTag),
      ['models', `${home}/v1/models`, `sha256:${digestOf(offer.models)}`],
      ['alt', ALT],
    ],
    content: contentOf(offer, models.slice(0, MAX_TOP_PRICES)),
  };
}

function isFit({ id }: AnnouncedModel): boolean {
  return id !== '' && id.length <= MAX_MODEL_CHARS && !/\p{Cc}/u.test(id);
}

function priceTag({ id, inputMsat, outputMsat }: AnnouncedModel): readonly string[] {
  return ['price', id, String(inputMsat), String(outputMsat), PRICE_UNIT];
}

function contentOf(offer: AnnouncedOffer, top: readonly AnnouncedModel[]): string {
  return JSON.stringify({
    name: offer.name === '' ? DEFAULT_NAME : offer.name,
    about: offer.about === '' ? DEFAULT_ABOUT : offer.about,
    prices: top.map(({ id, inputMsat, outputMsat }) => ({
      model: id,
      input: String(inputMsat),
      output: String(outputMsat),
      unit: PRICE_UNIT,
    })),
  });
}

/** Tells whether there are other models than before: over their sorted ids, one a line. Prices change too often. */
function digestOf(models: readonly AnnouncedModel[]): string {
  const ids = models.map(({ id }) => id).toSorted();
  return createHash('sha256').update(ids.join('\n')).digest('hex');
}
