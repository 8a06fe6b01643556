import { join } from 'node:path';

import { startChild } from '../support/child-server.ts';
import type { ChildServer } from '../support/child-server.ts';
import { KHATRU_BINARY } from './recipes.ts';

/** khatru in a process of its own; it keeps its events in memory. */
export interface Khatru extends AsyncDisposable {
  readonly url: string;
  /** SIGKILL, and another one on the same port: an empty relay. */
  killAndRestart(): Promise<void>;
}

export interface KhatruOptions {
  /** NIP-42 for reading and writing. */
  readonly auth?: boolean;
}

/** `folder`: where its recipe built it. */
export async function startKhatru(folder: string, options: KhatruOptions = {}): Promise<Khatru> {
  const flags = options.auth === true ? ['-auth'] : [];
  const start = async (port: string): Promise<{ child: ChildServer; url: string }> => {
    let url = '';
    const command = join(folder, KHATRU_BINARY);
    const child = await startChild({ command, args: ['-port', port, ...flags] }, (output) => {
      url = /^READY (ws:\S+)$/m.exec(output)?.[1] ?? '';
      return url !== '';
    });
    return { child, url };
  };
  let { child, url } = await start('0');
  return {
    url,
    async killAndRestart() {
      await child.kill();
      ({ child } = await start(new URL(url).port));
    },
    [Symbol.asyncDispose]: () => child.kill(),
  };
}
