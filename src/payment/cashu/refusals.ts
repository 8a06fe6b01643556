import type { Clock } from '../../lib/clock.ts';
import { RouterError } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';

/** Repeats of a refused token cost no mint call for this long: clients resend a 402 up to eight times. */
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;

export interface Refusals {
  /** Throws the remembered refusal of this account id, if there is a fresh one. */
  check(account: string): void;
  /** Remembers a refusal that is final: spent, invalid, foreign. Never one that time or money can change. */
  remember(account: string, error: RouterError): void;
}

export function createRefusals(clock: Clock): Refusals {
  const remembered = new Map<string, { code: ErrorCode; message: string; untilMs: number }>();
  return {
    check(account) {
      const refusal = remembered.get(account);
      if (refusal === undefined) return;
      if (refusal.untilMs > clock.now()) throw new RouterError(refusal.code, refusal.message);
      remembered.delete(account);
    },
    remember(account, { code, message }) {
      if (remembered.size >= MAX_REMEMBERED) {
        const oldest = remembered.keys().next();
        if (oldest.done !== true) remembered.delete(oldest.value);
      }
      remembered.set(account, { code, message, untilMs: clock.now() + REMEMBERED_MS });
    },
  };
}
