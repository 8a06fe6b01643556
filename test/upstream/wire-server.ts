import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A connection as a server sees it: bytes, not HTTP. */
export interface Peer {
  readonly socket: Socket;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
}

export interface WireServer extends AsyncDisposable {
  readonly url: string;
  readonly peers: readonly Peer[];
}

/** Listens on a free loopback port; `onRequest` gets each request once it has arrived whole, head and body. */
export async function listen(
  onRequest: (peer: Peer, request: string) => void,
): Promise<WireServer> {
  const peers: Peer[] = [];
  const server = createServer((socket) => {
    const closed = Promise.withResolvers<void>();
    const peer: Peer = { socket, closed: closed.promise };
    let request = '';
    peers.push(peer);
    // A reset is one way to close.
    socket.on('error', () => undefined);
    socket.on('close', () => closed.resolve());
    socket.on('data', (piece) => {
      request += piece.toString();
      if (!isWhole(request)) return;
      const whole = request;
      request = '';
      onRequest(peer, whole);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    peers,
    async [Symbol.asyncDispose]() {
      for (const { socket } of peers) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function isWhole(request: string): boolean {
  const [head = '', body] = request.split('\r\n\r\n');
  if (body === undefined) return false;
  const length = /content-length: (\d+)/i.exec(head)?.[1] ?? '0';
  return Buffer.byteLength(body) >= Number(length);
}

export const EVENT_STREAM = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
export const JSON_ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
export const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';

/** A body chunk of HTTP's chunked transfer. */
export function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

export const LAST_HTTP_CHUNK = '0\r\n\r\n';
