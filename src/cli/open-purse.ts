import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { loadCrypto } from '../crypto/load.ts';
import { systemClock } from '../lib/clock.ts';
import { createBreaker } from '../wallet/breaker.ts';
import { createMintClient } from '../wallet/mint-client.ts';
import type { MintClient } from '../wallet/mint-client.ts';
import { openPurseFile } from './purse-file.ts';
import { lockFile } from './purse-lock.ts';
import { openPurseMint } from './purse-mint.ts';
import type { PurseMint } from './purse-mint.ts';
import { createPurse } from './purse.ts';
import type { Purse } from './purse.ts';
import { fetchRefund } from './router-client.ts';

export interface OpenedPurse {
  readonly purse: Purse;
  /** Ends connections and lets other processes use the file. */
  close(): Promise<void>;
}

/** Opens the purse in the file `path` for this process alone, with real mints and routers. Throws when another process has it. */
export function openPurse(path: string): OpenedPurse {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unlock = lockFile(path);
  const clients: MintClient[] = [];
  const mints = new Map<string, Promise<PurseMint>>();
  const crypto = loadCrypto();
  const connect = (url: string): Promise<PurseMint> => {
    const client = createMintClient(url, { breaker: createBreaker({ clock: systemClock }) });
    clients.push(client);
    return openPurseMint(url, client, crypto);
  };
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    unlock();
  };
  try {
    const purse = createPurse({
      file: openPurseFile(path),
      openMint(url) {
        const known = mints.get(url) ?? connect(url);
        mints.set(url, known);
        return known;
      },
      fetchRefund,
      now: () => systemClock.now(),
    });
    return { purse, close };
  } catch (error) {
    unlock();
    throw error;
  }
}
