import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

export interface Listener extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
}

/** A listener that takes note of every connection, whatever is then spoken on it. */
export async function startListener(host = '127.0.0.1'): Promise<Listener> {
  const server = createTcpServer((socket) => socket.on('error', () => undefined).end());
  return listening(server, host);
}

export interface HttpListener extends Listener {
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
}

export async function startHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<HttpListener> {
  const requests: IncomingMessage[] = [];
  const onRequest: RequestListener = (request, response) => {
    requests.push(request);
    answer(request, response);
  };
  const server = createServer(onRequest);
  const listener = await listening(server, host, () => server.closeAllConnections());
  return { ...listener, url: `http://${host}:${listener.port}`, requests };
}

async function listening(server: Server, host: string, cut = () => {}): Promise<Listener> {
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
