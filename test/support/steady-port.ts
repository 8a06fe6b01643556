import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 15_000;
const COUNT = 10_000;
const MAX_TRIES = 100;

/**
 * A loopback port that is free now, and that no outgoing connection is given while its server is dead: those ports begin at
 * 32,768 on Linux.
 */
export async function steadyPort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    // Somebody else has it.
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
