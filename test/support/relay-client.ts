import { once } from 'node:events';

import { WebSocket } from 'ws';

export type RelayMessage = readonly [verb: string, ...rest: unknown[]];

/** A client of a relay that says just what it is told to, and hides nothing. */
export interface RawRelayClient extends AsyncDisposable {
  send(...message: readonly unknown[]): void;
  sendText(text: string): void;
  /** The first message, of those already here or still to come, that `isIt` accepts; each is given out once. Rejects when none comes. */
  next(isIt: (message: RelayMessage) => boolean): Promise<RelayMessage>;
  /** Publishes; the last two values of the OK. */
  publish(event: { readonly id: string }): Promise<readonly unknown[]>;
  /** The stored events that a REQ finds. */
  ask(filter: object): Promise<readonly unknown[]>;
  /** The code that the connection was closed with. */
  readonly closed: Promise<number>;
}

const PATIENCE_MS = 15_000;

export async function connectToRelay(url: string): Promise<RawRelayClient> {
  const socket = new WebSocket(url);
  const messages: RelayMessage[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push(JSON.parse((data as Buffer).toString('utf8')) as RelayMessage);
    for (const look of waiting) look();
  });
  const closed = once(socket, 'close').then(([code]) => Number(code));
  await once(socket, 'open');
  let asked = 0;

  const next = (isIt: (message: RelayMessage) => boolean): Promise<RelayMessage> =>
    new Promise((resolve, reject) => {
      const giveUp = (): void => {
        clearTimeout(timer);
        waiting.delete(look);
        reject(new Error(`no such message from the relay; left: ${JSON.stringify(messages)}`));
      };
      const timer = setTimeout(giveUp, PATIENCE_MS);
      void closed.then(giveUp);
      const look = (): void => {
        const at = messages.findIndex(isIt);
        const [found] = at === -1 ? [] : messages.splice(at, 1);
        if (found === undefined) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const send = (...message: readonly unknown[]): void => socket.send(JSON.stringify(message));
  return {
    send,
    sendText: (text) => socket.send(text),
    next,
    closed,
    async publish(event) {
      send('EVENT', event);
      const [, , ...verdict] = await next(([verb, id]) => verb === 'OK' && id === event.id);
      return verdict;
    },
    async ask(filter) {
      asked += 1;
      const name = `ask-${asked}`;
      send('REQ', name, filter);
      const events: unknown[] = [];
      for (;;) {
        const [verb, , event] = await next(([, id]) => id === name);
        if (verb !== 'EVENT') break;
        events.push(event);
      }
      send('CLOSE', name);
      return events;
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}
