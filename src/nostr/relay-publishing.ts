import type { NostrEvent } from './event.ts';

/** What a relay said about an event. */
export interface PublishResult {
  readonly relay: string;
  /** It says that it has the event. Only reading it back proves that. */
  readonly ok: boolean;
  /** The relay's words with their prefix (NIP-01), or ours: `error: no answer`, `error: not connected: ...`. */
  readonly message: string;
}

/** Events on their way to a relay. */
export interface RelayPublishing {
  /** Never rejects. The same event twice at the same time is sent once. */
  publish(event: NostrEvent): Promise<PublishResult>;
  /** Sends what waits for a connection. */
  onOpen(): void;
  onOk(id: string, ok: boolean, why: string): void;
  onLost(): void;
  /** Gives up all that waits. */
  stop(why: string): void;
}

export interface PublishingParts {
  readonly relay: string;
  readonly limits: { readonly publishTimeoutMs: number; readonly maxPublishing: number };
  readonly send: (...message: readonly unknown[]) => boolean;
  /** Whether the relay knows us now. */
  readonly prove: () => Promise<boolean>;
  /** Why there is no connection, where there is none. */
  readonly lastError: () => string | undefined;
}

interface Parcel {
  readonly event: NostrEvent;
  readonly result: Promise<PublishResult>;
  readonly finish: (ok: boolean, message: string) => void;
  isSent: boolean;
  hasProven: boolean;
}

export function createRelayPublishing(parts: PublishingParts): RelayPublishing {
  const { relay, limits, send } = parts;
  const parcels = new Map<string, Parcel>();

  const pack = (event: NostrEvent): Parcel => {
    const { promise, resolve } = Promise.withResolvers<PublishResult>();
    const finish = (ok: boolean, message: string): void => {
      clearTimeout(timer);
      parcels.delete(event.id);
      resolve({ relay, ok, message });
    };
    const parcel = { event, result: promise, finish, isSent: false, hasProven: false };
    const timer = setTimeout(() => {
      const why = `error: not connected: ${parts.lastError() ?? 'no answer yet'}`;
      finish(false, parcel.isSent ? 'error: no answer' : why);
    }, limits.publishTimeoutMs);
    return parcel;
  };
  const dispatch = (parcel: Parcel): void => {
    parcel.isSent = send('EVENT', parcel.event);
  };
  const proveAndSend = async (parcel: Parcel, why: string): Promise<void> => {
    parcel.hasProven = true;
    const isKnown = await parts.prove();
    if (parcels.get(parcel.event.id) !== parcel) return;
    if (isKnown) dispatch(parcel);
    else parcel.finish(false, why);
  };
  return {
    async publish(event) {
      const running = parcels.get(event.id);
      if (running !== undefined) return running.result;
      if (parcels.size >= limits.maxPublishing) {
        return { relay, ok: false, message: 'error: too many events wait for this relay' };
      }
      const parcel = pack(event);
      parcels.set(event.id, parcel);
      dispatch(parcel);
      return parcel.result;
    },
    onOpen() {
      for (const parcel of parcels.values()) dispatch(parcel);
    },
    onOk(id, ok, why) {
      const parcel = parcels.get(id);
      if (parcel === undefined) return;
      const wantsProof = !ok && why.startsWith('auth-required:') && !parcel.hasProven;
      if (wantsProof) void proveAndSend(parcel, why);
      else parcel.finish(ok || why.startsWith('duplicate:'), why);
    },
    onLost() {
      // Sent again with the next connection, if that comes in time.
      for (const parcel of parcels.values()) {
        parcel.isSent = false;
        parcel.hasProven = false;
      }
    },
    stop(why) {
      for (const parcel of parcels.values()) parcel.finish(false, why);
    },
  };
}
