/** What decides how soon a site is asked again. */
export interface Need {
  /** Checks in a row that failed. */
  readonly failures: number;
  readonly hasAnswered: boolean;
  /** Requests go there now. */
  readonly isUsed: boolean;
  /** Somebody may want to buy there. */
  readonly isWanted: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const USED_MS = MINUTE_MS;
const WANTED_MS = 5 * MINUTE_MS;
const OTHERS_MS = 6 * HOUR_MS;
/** One that has been there is likely to come back; one that never was may be made up. */
const FIRST_RETRY_MS = MINUTE_MS;
const FIRST_RETRY_OF_UNKNOWN_MS = 10 * MINUTE_MS;
const MAX_RETRY_MS = 168 * HOUR_MS;
/** After it the doubling has long reached its end. */
const MAX_DOUBLINGS = 20;
const JITTER = 0.2;

const MODELS_MS = 10 * MINUTE_MS;
const MAX_MODELS_RETRY_MS = 6 * HOUR_MS;

/** How long until the next check, ms. `random` in [0, 1): no two routers keep step. */
export function checkDelayMs(need: Need, random: number): number {
  return Math.round(intervalMs(need) * jitter(random));
}

/** How long until a model list is asked for again. `failures`: attempts in a row. */
export function modelsDelayMs(failures: number, random: number): number {
  const intervalMs =
    failures === 0 ? MODELS_MS : doubled(FIRST_RETRY_MS, failures - 1, MAX_MODELS_RETRY_MS);
  return Math.round(intervalMs * jitter(random));
}

function intervalMs({ failures, hasAnswered, isUsed, isWanted }: Need): number {
  if (failures > 0) {
    const isKnown = hasAnswered || isUsed || isWanted;
    const firstMs = isKnown ? FIRST_RETRY_MS : FIRST_RETRY_OF_UNKNOWN_MS;
    return doubled(firstMs, failures - 1, MAX_RETRY_MS);
  }
  if (isUsed) return USED_MS;
  return isWanted ? WANTED_MS : OTHERS_MS;
}

function doubled(firstMs: number, times: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(times, MAX_DOUBLINGS));
}

function jitter(random: number): number {
  return 1 - JITTER / 2 + JITTER * random;
}
