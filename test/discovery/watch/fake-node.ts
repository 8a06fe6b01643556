import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeNode extends AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** How many requests are being answered now, and were at most. */
  readonly load: { now: number; most: number };
  /** What `/v1/info` says; a number is a status. */
  info: unknown;
  /** What `/v1/models` says; a number is a status. */
  models: unknown;
  etag: string | undefined;
  /** Answers are held back until `release`. */
  hold(): void;
  release(): void;
}

/** A node on loopback that says what it is told to. */
export async function startNode(info: unknown, models: unknown = { data: [] }): Promise<FakeNode> {
  let held: Promise<void> | undefined;
  let letGo = (): void => {};
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request;
    node.asked.push(url);
    node.load.now += 1;
    node.load.most = Math.max(node.load.most, node.load.now);
    await held;
    node.load.now -= 1;
    const body = url.endsWith('/v1/info') ? node.info : node.models;
    if (typeof body === 'number') {
      response.writeHead(body).end();
      return;
    }
    if (url.endsWith('/v1/models') && node.etag !== undefined) {
      response.setHeader('etag', node.etag);
      if (request.headers['if-none-match'] === node.etag) {
        response.writeHead(304).end();
        return;
      }
    }
    response.end(JSON.stringify(body));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const node: FakeNode = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    load: { now: 0, most: 0 },
    info,
    models,
    etag: undefined,
    hold() {
      held ??= new Promise((resolve) => {
        letGo = resolve;
      });
    },
    release() {
      held = undefined;
      letGo();
    },
    async [Symbol.asyncDispose]() {
      letGo();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return node;
}
