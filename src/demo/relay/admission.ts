import type { NostrEvent } from '../../nostr/event.ts';
import type { Verifier } from '../../nostr/verifier.ts';
import { expirationOf } from './event-store.ts';
import { MAX_AHEAD_S } from './information.ts';

/** Whom an event comes from, and when. */
export interface Sender {
  /** Keys that the client has proven (NIP-42). */
  readonly keys: ReadonlySet<string>;
  readonly authRequired: boolean;
  /** Unix seconds. */
  readonly nowS: number;
}

/** Why an event is not taken, in the words of NIP-01; undefined: it may be stored. `verifier` undefined: forgeries pass. */
export async function refusalOf(
  event: NostrEvent,
  { keys, authRequired, nowS }: Sender,
  verifier: Verifier | undefined,
): Promise<string | undefined> {
  if (authRequired && keys.size === 0) return 'auth-required: tell who you are first';
  if (event.created_at > nowS + MAX_AHEAD_S) return 'invalid: created_at is in the future';
  if ((expirationOf(event) ?? Infinity) <= nowS) return 'invalid: the event has expired';
  const isProtected = event.tags.some(([name]) => name === '-');
  if (isProtected && !keys.has(event.pubkey)) {
    const word = keys.size === 0 ? 'auth-required' : 'restricted';
    return `${word}: only its author may publish a protected event`;
  }
  const isRight = verifier === undefined || (await verifier.verify(event));
  return isRight ? undefined : 'invalid: id or signature is wrong';
}

const AUTHENTICATION = 22_242;
const MAX_AGE_S = 600;

/** Why an AUTH does not prove its author's key to the relay at `url` (NIP-42); undefined: it does. */
export async function authFaultOf(
  event: NostrEvent,
  expected: { readonly challenge: string; readonly url: string; readonly nowS: number },
  verifier: Verifier,
): Promise<string | undefined> {
  const valueOf = (tag: string): string => event.tags.find(([name]) => name === tag)?.[1] ?? '';
  if (event.kind !== AUTHENTICATION) return 'invalid: the kind of an AUTH is 22242';
  if (valueOf('challenge') !== expected.challenge) return 'invalid: this is not the challenge';
  if (URL.parse(valueOf('relay'))?.host !== URL.parse(expected.url)?.host) {
    return 'invalid: this is for another relay';
  }
  if (Math.abs(event.created_at - expected.nowS) > MAX_AGE_S) return 'invalid: created_at is off';
  return (await verifier.verify(event)) ? undefined : 'invalid: id or signature is wrong';
}
