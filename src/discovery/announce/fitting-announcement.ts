import { setTimeout as pause } from 'node:timers/promises';

import type { EventTemplate } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import { isObject } from '../../openai/json-object.ts';
import type { JsonObject } from '../../openai/json-object.ts';
import type { AnnouncedOffer } from './announced-offer.ts';
import { announcementOf, MAX_ANNOUNCED_MODELS } from './announcement-template.ts';

/** What fits all relays that take any announcement at all. */
interface RelayLimits {
  readonly messageBytes: number;
  readonly tags: number;
  readonly contentChars: number;
}

/** A relay that allows less is left to refuse: for it alone the announcement shall not say less to all. */
const FLOOR: RelayLimits = { messageBytes: 2_048, tags: 20, contentChars: 512 };
const CEILING: RelayLimits = { messageBytes: 65_536, tags: 128, contentChars: 16_384 };
/** `["EVENT",...]`, id, key and signature around a template. */
const ENVELOPE_BYTES = 320;
const INFO_TIMEOUT_MS = 5_000;
const MODEL_COUNTS = [MAX_ANNOUNCED_MODELS, 20, 10, 5, 2, 0];

/** Builds the announcement with as many models as every relay takes (NIP-11). */
export async function fittingAnnouncement(
  offer: AnnouncedOffer,
  pubkey: string,
  relays: readonly RelayLink[],
): Promise<(createdAt: number) => EventTemplate> {
  const limits = await commonLimits(relays);
  return (createdAt) => {
    const versions = MODEL_COUNTS.map((maxModels) =>
      announcementOf(offer, { pubkey, createdAt, maxModels }),
    );
    const fitting = versions.find((template) => fits(template, limits)) ?? versions.at(-1);
    if (fitting === undefined) throw new Error('there is no version of the announcement');
    return fitting;
  };
}

function fits(template: EventTemplate, limits: RelayLimits): boolean {
  const bytes = Buffer.byteLength(JSON.stringify(template)) + ENVELOPE_BYTES;
  return (
    bytes <= limits.messageBytes &&
    template.tags.length <= limits.tags &&
    template.content.length <= limits.contentChars
  );
}

async function commonLimits(relays: readonly RelayLink[]): Promise<RelayLimits> {
  const told = await Promise.all(relays.map(limitationOf));
  const least = (name: string, floor: number, ceiling: number): number => {
    const limits = told.map((limitation) => limitation[name]).filter(isLimit);
    return Math.min(ceiling, ...limits.filter((limit) => limit >= floor));
  };
  return {
    messageBytes: least('max_message_length', FLOOR.messageBytes, CEILING.messageBytes),
    tags: least('max_event_tags', FLOOR.tags, CEILING.tags),
    contentChars: least('max_content_length', FLOOR.contentChars, CEILING.contentChars),
  };
}

function isLimit(value: unknown): value is number {
  return typeof value === 'number' && value > 0;
}

/** The relay's own words; nothing where it tells none in time. */
async function limitationOf(link: RelayLink): Promise<JsonObject> {
  const late = pause(INFO_TIMEOUT_MS, undefined, { ref: false });
  const info: unknown = await Promise.race([link.info(), late]);
  const limitation = isObject(info) ? info['limitation'] : undefined;
  return isObject(limitation) ? limitation : {};
}
