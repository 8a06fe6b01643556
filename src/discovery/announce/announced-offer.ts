/** What we announce: who we are, where, and what we sell. */
export interface AnnouncedOffer {
  /** Stable for life; undefined: derived from the key. */
  readonly d: string | undefined;
  readonly name: string;
  readonly about: string;
  /** Where payers reach us, clearnet first; of http or https, without a path. */
  readonly urls: readonly string[];
  readonly mints: readonly string[];
  /** The package's version. */
  readonly version: string;
  /** The most wanted first; all of them. */
  readonly models: readonly AnnouncedModel[];
}

export interface AnnouncedModel {
  readonly id: string;
  /** msat for 1,000 tokens, rounded up. */
  readonly inputMsat: bigint;
  readonly outputMsat: bigint;
}

const D_CHARS = 12;

/** The `d` tag under which `pubkey` announces the offer. */
export function addressOf(offer: AnnouncedOffer, pubkey: string): string {
  return offer.d ?? pubkey.slice(0, D_CHARS);
}

/** Why nobody could use the announcement, in words for the operator; undefined when it is fit. */
export function faultIn({ urls, mints, models }: AnnouncedOffer): string | undefined {
  if (urls.length === 0) return 'the node has no URL under which payers reach it';
  const unfit = urls.find((url) => !isBase(url));
  if (unfit !== undefined) return `clients cannot use a URL with a path: ${unfit}`;
  if (mints.length === 0) return 'no mint is accepted';
  if (models.length === 0) return 'no model is on offer';
  return undefined;
}

function isBase(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.origin === url || `${parsed.origin}/` === url);
}
