import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { EventTemplate } from './event.ts';
import type { Signer } from './signer.ts';
import { createThrowawaySigner } from './signer.ts';

/** Tells a relay who we are when it insists (NIP-42). */
export interface RelayAuth {
  onChallenge(challenge: string): void;
  /** True when the OK was the answer to an AUTH. */
  onOk(id: string, ok: boolean): boolean;
  /** What the relay knew is gone with the connection. */
  onLost(): void;
  /** Whether the relay knows us now. Those who ask at the same time share one answer. */
  prove(): Promise<boolean>;
}

export interface AuthParts {
  readonly url: string;
  /** Default: a key that nobody knows, used for this relay only. */
  readonly signer: Signer | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: { readonly authTimeoutMs: number; readonly maxAuthAttempts: number };
  readonly send: (...message: readonly unknown[]) => boolean;
}

const AUTHENTICATION = 22_242;

export function createRelayAuth({ url, clock, log, limits, send, ...parts }: AuthParts): RelayAuth {
  let signer = parts.signer;
  let session = newSession();

  const authenticate = async (own: Session): Promise<boolean> => {
    if (own.attempts >= limits.maxAuthAttempts) return false;
    own.attempts += 1;
    await within(limits.authTimeoutMs, own.challenged.promise);
    if (own.challenge === undefined) return false;
    signer ??= createThrowawaySigner();
    const event = await signer.sign(authentication(url, own.challenge, clock));
    const answer = Promise.withResolvers<boolean>();
    own.answers.set(event.id, answer.resolve);
    if (own !== session || !send('AUTH', event)) return false;
    return (await within(limits.authTimeoutMs, answer.promise)) ?? false;
  };
  const attempt = async (own: Session): Promise<boolean> => {
    try {
      return await authenticate(own);
    } catch (err) {
      log.warn({ relay: url, err }, 'cannot tell the relay who we are');
      return false;
    } finally {
      own.proving = undefined;
    }
  };
  return {
    onChallenge(challenge) {
      session.challenge = challenge;
      session.challenged.resolve();
    },
    onOk(id, ok) {
      const answer = session.answers.get(id);
      answer?.(ok);
      return answer !== undefined;
    },
    onLost() {
      session.challenged.resolve();
      for (const answer of session.answers.values()) answer(false);
      session = newSession();
    },
    async prove() {
      const own = session;
      if (own.isKnown) return true;
      own.proving ??= attempt(own);
      own.isKnown = await own.proving;
      return own.isKnown;
    },
  };
}

function authentication(url: string, challenge: string, clock: Clock): EventTemplate {
  const tags = [
    ['relay', url],
    ['challenge', challenge],
  ];
  const createdAt = Math.floor(clock.now() / 1000);
  return { kind: AUTHENTICATION, created_at: createdAt, tags, content: '' };
}

/** What holds for one connection. */
interface Session {
  /** The last one is the one that counts. */
  challenge: string | undefined;
  readonly challenged: PromiseWithResolvers<void>;
  /** Id of an AUTH -> what is done with its OK. */
  readonly answers: Map<string, (ok: boolean) => void>;
  attempts: number;
  isKnown: boolean;
  proving: Promise<boolean> | undefined;
}

function newSession(): Session {
  return {
    challenge: undefined,
    challenged: Promise.withResolvers(),
    answers: new Map(),
    attempts: 0,
    isKnown: false,
    proving: undefined,
  };
}

/** What `promise` resolves with, or undefined when that takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
