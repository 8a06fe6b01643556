/** What a relay may say (NIP-01, NIP-42). */
export type RelayMessage =
  | { readonly verb: 'EVENT'; readonly subscription: string; readonly event: unknown }
  | { readonly verb: 'EOSE'; readonly subscription: string }
  | { readonly verb: 'CLOSED'; readonly subscription: string; readonly why: string }
  | { readonly verb: 'OK'; readonly id: string; readonly ok: boolean; readonly why: string }
  | { readonly verb: 'NOTICE'; readonly why: string }
  | { readonly verb: 'AUTH'; readonly challenge: string };

/** Of what a relay says for people to read. */
const MAX_WHY_CHARS = 200;
const MAX_CHALLENGE_CHARS = 512;

/** The message in a frame; undefined when it is none of those above. */
export function parseMessage(text: string): RelayMessage | undefined {
  const message = parseList(text);
  const [verb, first, second, third] = message;
  if (typeof first !== 'string') return undefined;
  switch (verb) {
    case 'EVENT':
      return { verb, subscription: first, event: second };
    case 'EOSE':
      return { verb, subscription: first };
    case 'CLOSED':
      return { verb, subscription: first, why: plain(second) };
    case 'OK':
      return { verb, id: first, ok: second === true, why: plain(third) };
    case 'NOTICE':
      return { verb, why: plain(first) };
    case 'AUTH':
      return first.length <= MAX_CHALLENGE_CHARS ? { verb, challenge: first } : undefined;
    default:
      return undefined;
  }
}

function parseList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    // No JSON: no message.
    return [];
  }
}

/** Text of a stranger, fit for a terminal. */
function plain(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value.slice(0, MAX_WHY_CHARS).replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
}
