import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a mint: counts the calls that move or look at money, and fails on demand. */
export interface MintProxy extends AsyncDisposable {
  /** What wallets and routers take for the mint. */
  readonly url: string;
  /** Paths of the POST requests so far. */
  readonly posts: readonly string[];
  /** How many coins went into each swap that the mint granted. */
  readonly swapInputs: readonly number[];
  /**
   * The next swap fails: `act` runs `before` the mint has it, `while` the mint works on it, or `after` the mint has answered;
   * then the connection breaks.
   */
  breakNextSwap(when: 'before' | 'while' | 'after', act: () => Promise<void>): void;
}

interface Break {
  readonly when: 'before' | 'while' | 'after';
  readonly act: () => Promise<void>;
}

export async function startMintProxy(mintUrl: string): Promise<MintProxy> {
  const posts: string[] = [];
  const swapInputs: number[] = [];
  let planned: Break | undefined;

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') posts.push(request.url ?? '');
    const isSwap = request.url === '/v1/swap';
    const body = await readAll(request);
    const broken = isSwap ? planned : undefined;
    if (broken !== undefined) planned = undefined;
    const hangUp = async (): Promise<void> => {
      await broken?.act();
      response.destroy();
    };
    if (broken?.when === 'before') return hangUp();
    const ahead = forward(`${mintUrl}${request.url ?? ''}`, {
      method: request.method,
      headers: { ...request.headers, connection: 'close', 'accept-encoding': 'identity' },
    });
    ahead.on('error', () => response.destroy());
    ahead.end(body);
    if (broken?.when === 'while') {
      await once(ahead, 'finish');
      return hangUp();
    }
    const [answer] = (await once(ahead, 'response')) as [IncomingMessage];
    const received = await readAll(answer);
    if (isSwap && answer.statusCode === 200) {
      swapInputs.push((JSON.parse(body.toString()) as { inputs: unknown[] }).inputs.length);
    }
    if (broken !== undefined) return hangUp();
    response.writeHead(answer.statusCode ?? 502, {
      'content-type': answer.headers['content-type'] ?? 'application/json',
    });
    response.end(received);
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    swapInputs,
    breakNextSwap(when, act) {
      planned = { when, act };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
