import type { IncomingMessage, ServerResponse } from 'node:http';

import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';

import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import type { Filter, NostrEvent } from '../nostr/event.ts';
import { createVerifier } from '../nostr/verifier.ts';
import { listen } from './http-server.ts';
import { parseJson } from './json.ts';
import { createEventStore } from './relay/event-store.ts';
import { MAX_MESSAGE_BYTES, relayInformation } from './relay/information.ts';
import { createRelayClient } from './relay/relay-client.ts';
import type { ClientParts, RelayClient } from './relay/relay-client.ts';

/** What a test makes a relay do that an honest one would not. */
export interface RelayHooks {
  /**
   * Sees every message of a client before the relay does; false: the relay never sees it. `() => false` is a mute relay, a promise
   * delays, and whatever it sends (forgeries, floods, refusals) goes out as it is.
   */
  onMessage?(message: readonly unknown[], client: RelayClient): boolean | Promise<boolean>;
}

export interface RelayOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** NIP-42 for reading and writing. */
  readonly authRequired?: boolean;
  /** Default: true. */
  readonly verify?: boolean;
  readonly hooks?: RelayHooks;
  readonly clock?: Clock;
}

/** A Nostr relay in memory: NIP-01, 09, 11, 40, 42, 45, 70. */
export interface DemoRelay {
  /** `ws://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  /** Takes an event without asking anything about it, and tells the subscribers. */
  store(event: NostrEvent): void;
  /** As a REQ would find it. */
  query(filters: readonly Filter[]): readonly NostrEvent[];
  clients(): readonly RelayClient[];
  /** Cuts all connections without a word; new ones are taken. */
  dropConnections(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 1_000;

/** Listens on 127.0.0.1. */
export async function startRelay(options: RelayOptions = {}): Promise<DemoRelay> {
  const { port = 0, authRequired = false, verify = true, hooks = {} } = options;
  const { clock = systemClock } = options;
  const nowS = (): number => Math.floor(clock.now() / 1000);
  const store = createEventStore(nowS);
  const verifier = await createVerifier();
  const listening = await listen(answerHttp(authRequired), port);
  const url = listening.url.replace(/^http/, 'ws');
  const clients = new Map<WebSocket, RelayClient>();
  const broadcast = (event: NostrEvent): void => {
    for (const client of clients.values()) client.push(event);
  };
  const eventVerifier = verify ? verifier : undefined;
  const parts = { url, authRequired, store, verifier, eventVerifier, nowS, broadcast };

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  listening.server.on('upgrade', (request, socket, head) => {
    if (clients.size >= MAX_CLIENTS) return socket.destroy();
    return sockets.handleUpgrade(request, socket, head, (accepted) => {
      clients.set(accepted, welcome(accepted, parts, hooks));
      accepted.once('close', () => clients.delete(accepted));
    });
  });
  const dropConnections = (): void => {
    for (const socket of clients.keys()) socket.terminate();
  };
  return {
    url,
    port: Number(new URL(url).port),
    store(event) {
      store.place(event);
      broadcast(event);
    },
    query: (filters) => store.query(filters),
    clients: () => [...clients.values()],
    dropConnections,
    async close() {
      const closed = listening.close();
      dropConnections();
      await closed;
    },
  };
}

function welcome(socket: WebSocket, parts: ClientParts, hooks: RelayHooks): RelayClient {
  const client = createRelayClient(socket, parts);
  /** One after the other, so that answers come in the order of the questions. */
  let turn = Promise.resolve();
  socket.on('message', (data) => {
    turn = turn.then(async () => {
      const message = parseJson(textOf(data));
      if (!Array.isArray(message)) return client.send('NOTICE', 'invalid: this is no message');
      const isSeen = (await hooks.onMessage?.(message, client)) ?? true;
      return isSeen ? client.receive(message) : undefined;
    });
  });
  // For instance a frame that is too large: `ws` closes the connection itself.
  socket.on('error', () => socket.terminate());
  return client;
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString('utf8') : '';
}

function answerHttp(authRequired: boolean) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const wantsInformation = request.headers.accept?.includes('application/nostr+json') === true;
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader(
      'content-type',
      wantsInformation ? 'application/nostr+json' : 'text/plain; charset=utf-8',
    );
    response.end(
      wantsInformation ? JSON.stringify(relayInformation(authRequired)) : 'A Nostr relay.\n',
    );
  };
}
