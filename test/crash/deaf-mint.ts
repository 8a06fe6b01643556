import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes everything on to a mint, but answers NUT-09 as if the mint had never signed anything. */
export interface DeafMint {
  readonly url: string;
  leadTo(mintUrl: string): void;
  close(): Promise<void>;
}

export async function startDeafMint(): Promise<DeafMint> {
  let target = '';
  const server = createServer((incoming, answer) => {
    if (incoming.url === '/v1/restore') forget(incoming, answer);
    else pass(target, incoming, answer);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(mintUrl) {
      target = mintUrl;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function forget(incoming: IncomingMessage, answer: ServerResponse): void {
  incoming.resume();
  answer.writeHead(200, { 'content-type': 'application/json' });
  answer.end('{"outputs":[],"signatures":[]}');
}

function pass(target: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { method, headers, url = '/' } = incoming;
  const outgoing = request(new URL(url, target), { method, headers, agent: false });
  outgoing.on('response', (reply) => {
    answer.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(answer);
    reply.on('error', () => answer.destroy());
  });
  outgoing.on('error', () => answer.destroy());
  incoming.pipe(outgoing);
}
