import { randomBytes } from 'node:crypto';

import type { WebSocket } from 'ws';

import type { NostrEvent } from '../../nostr/event.ts';
import { parseEvent } from '../../nostr/event.ts';
import type { Verifier } from '../../nostr/verifier.ts';
import { authFaultOf, refusalOf } from './admission.ts';
import type { EventStore, Placing } from './event-store.ts';
import { createSubscriptions } from './subscriptions.ts';

/** Somebody who is connected to the relay. */
export interface RelayClient {
  /** Sends one message as JSON; nothing when the client is gone. */
  send(...message: readonly unknown[]): void;
  /** Sends any text. */
  sendText(text: string): void;
  /** Cuts the connection without a word. */
  terminate(): void;
  /** Tells the event to the subscriptions that it matches. */
  push(event: NostrEvent): void;
  /** Acts on a message of the client. */
  receive(message: readonly unknown[]): Promise<void>;
}

export interface ClientParts {
  readonly url: string;
  readonly authRequired: boolean;
  readonly store: EventStore;
  /** For AUTH. */
  readonly verifier: Verifier;
  /** For events; undefined: forgeries pass. */
  readonly eventVerifier: Verifier | undefined;
  readonly nowS: () => number;
  /** Tells all clients. */
  readonly broadcast: (event: NostrEvent) => void;
}

/** A client that reads slower than this is cut off. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024;

export function createRelayClient(socket: WebSocket, parts: ClientParts): RelayClient {
  const { url, authRequired, store, verifier, nowS } = parts;
  const challenge = randomBytes(16).toString('hex');
  const keys = new Set<string>();

  const sendText = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(text);
    if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate();
  };
  const send = (...message: readonly unknown[]): void => sendText(JSON.stringify(message));
  const isAllowed = (): boolean => !authRequired || keys.size > 0;
  const subscriptions = createSubscriptions(store, isAllowed, send);

  const publish = async (event: NostrEvent): Promise<void> => {
    const sender = { keys, authRequired, nowS: nowS() };
    const refusal = await refusalOf(event, sender, parts.eventVerifier);
    if (refusal !== undefined) return send('OK', event.id, false, refusal);
    const placing = isEphemeral(event) ? 'stored' : store.place(event);
    send('OK', event.id, ...VERDICTS[placing]);
    if (placing === 'stored') parts.broadcast(event);
  };
  const authenticate = async (event: NostrEvent): Promise<void> => {
    const fault = await authFaultOf(event, { challenge, url, nowS: nowS() }, verifier);
    if (fault === undefined) keys.add(event.pubkey);
    send('OK', event.id, fault === undefined, fault ?? '');
  };
  const onEvent = async (json: unknown, act: (event: NostrEvent) => Promise<void>) => {
    const event = parseEvent(json);
    if (event === undefined) return send('NOTICE', 'invalid: this is no event');
    return act(event);
  };

  send('AUTH', challenge);
  return {
    send,
    sendText,
    terminate: () => socket.terminate(),
    push: (event) => subscriptions.push(event),
    async receive([verb, first, ...rest]) {
      if (verb === 'EVENT') return onEvent(first, publish);
      if (verb === 'AUTH') return onEvent(first, authenticate);
      if (verb === 'REQ' || verb === 'CLOSE' || verb === 'COUNT') {
        return subscriptions.receive(verb, first, rest);
      }
      return send('NOTICE', 'invalid: EVENT, REQ, CLOSE, COUNT or AUTH');
    },
  };
}

/** OK's last two values. */
const VERDICTS: Record<Placing, readonly [boolean, string]> = {
  stored: [true, ''],
  duplicate: [true, 'duplicate: already have this event'],
  older: [true, 'duplicate: have a newer version'],
  deleted: [false, 'blocked: its author deleted it'],
  full: [false, 'error: the relay is full'],
};

function isEphemeral({ kind }: NostrEvent): boolean {
  return kind >= 20_000 && kind < 30_000;
}
