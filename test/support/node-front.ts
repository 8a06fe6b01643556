import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a node, and lets questions hang. */
export interface NodeFront extends AsyncDisposable {
  readonly url: string;
  /** From now on who asks for this path is heard and not answered; all else passes. */
  hang(path: string): void;
  /** How many wait for an answer to this path now. */
  waiting(path: string): number;
  /** How many ever asked for this path. */
  asked(path: string): number;
}

/** `target`: the URL of the node. */
export async function startNodeFront(target: string): Promise<NodeFront> {
  const hung = new Set<string>();
  const waiting: string[] = [];
  const asked: string[] = [];

  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    if (!hung.has(path)) return pass(target, request, response);
    waiting.push(path);
    response.once('close', () => waiting.splice(waiting.indexOf(path), 1));
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hang: (path) => hung.add(path),
    waiting: (path) => waiting.filter((one) => one === path).length,
    asked: (path) => asked.filter((one) => one === path).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(target: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = request;
  const ahead = forward(new URL(request.url ?? '/', target), { method, headers });
  // Either side may leave at any time.
  ahead.on('error', () => response.destroy());
  response.once('close', () => ahead.destroy());
  ahead.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  request.pipe(ahead);
}
