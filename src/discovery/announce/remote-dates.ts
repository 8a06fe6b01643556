import { request } from 'undici';

/** Servers with a right clock differ by less than this from each other. */
const AGREEMENT_MS = 60_000;
const MAX_ERROR_MS = 10 * 60_000;
const TIMEOUT_MS = 5_000;
const MAX_ASKED = 8;

/** What the web servers of relays say the time is, unix ms; those that do not answer, and onion services, are left out. */
export async function datesOf(relays: readonly string[]): Promise<readonly number[]> {
  // The name of an onion service must not reach a name server.
  const open = relays.filter((relay) => URL.parse(relay)?.hostname.endsWith('.onion') === false);
  const dates = await Promise.all(open.slice(0, MAX_ASKED).map(dateOf));
  return dates.filter((date) => date !== undefined);
}

async function dateOf(relay: string): Promise<number | undefined> {
  try {
    const { headers, body } = await request(relay.replace(/^ws/, 'http'), {
      method: 'HEAD',
      reset: true,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await body.dump();
    const date = typeof headers['date'] === 'string' ? Date.parse(headers['date']) : Number.NaN;
    return Number.isNaN(date) ? undefined : date;
  } catch {
    // A relay that is away tells no time; that it is away shows elsewhere.
    return undefined;
  }
}

/**
 * By how many ms our clock is wrong, where two others agree that it is by more than 10 minutes: relays would refuse our events,
 * or show them for ever.
 */
export function clockError(nowMs: number, dates: readonly number[]): number | undefined {
  const wrong = dates.filter((date) => Math.abs(nowMs - date) > MAX_ERROR_MS);
  // One that finds us right is enough.
  if (wrong.length < dates.length) return undefined;
  const [first, ...others] = wrong;
  if (first === undefined) return undefined;
  const agrees = others.some((date) => Math.abs(date - first) <= AGREEMENT_MS);
  return agrees ? nowMs - first : undefined;
}
