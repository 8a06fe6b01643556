import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface SocksProxy extends AsyncDisposable {
  readonly url: string;
  /** What it was asked to connect to: `domain:name:port` or `address:...`. */
  readonly targets: readonly string[];
}

/** A SOCKS5 proxy (RFC 1928) that answers every tunnelled request itself, with `body`. */
export async function startSocksProxy(body: string): Promise<SocksProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]));
      socket.once('data', (request: Buffer) => {
        targets.push(targetOf(request));
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        socket.once('data', () => {
          const head = `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
          socket.end(head + body);
        });
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `socks5://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function targetOf(request: Buffer): string {
  const type = request[3];
  if (type !== 3) return `address:${request.subarray(4).toString('hex')}`;
  const length = request[4] ?? 0;
  return `domain:${request.toString('latin1', 5, 5 + length)}:${request.readUInt16BE(5 + length)}`;
}
