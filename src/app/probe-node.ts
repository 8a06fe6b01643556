import type { DiscoveryConfig } from '../config/discovery.ts';
import { createGuard } from '../discovery/guard/guard.ts';
import { npubOf } from '../nostr/npub.ts';
import { readModels } from '../openai/model-list.ts';

/** What a node says when it is asked now. */
export interface Probe {
  /** Of its `/v1/info`. */
  readonly status: number;
  readonly ms: number;
  readonly namesItsKey: boolean;
  readonly models: number;
}

const LIMITS = { maxBytes: 4 * 1024 * 1024, timeoutMs: 10_000 };

/** Asks a node who it is and what it sells, past everything that is stored. Rejects where it does not answer. */
export async function probeNode(
  node: { readonly url: string; readonly pubkey: string },
  discovery: DiscoveryConfig,
): Promise<Probe> {
  const guard = createGuard({
    allowPrivate: discovery.allowPrivateAddresses,
    socksProxy: discovery.socksProxy,
  });
  try {
    const started = performance.now();
    const info = await guard.getJson(`${node.url}/v1/info`, LIMITS);
    const ms = Math.round(performance.now() - started);
    const list = await guard.getJson(`${node.url}/v1/models`, LIMITS);
    return {
      status: info.status,
      ms,
      namesItsKey: namedKey(info.json) === npubOf(node.pubkey),
      models: readModels(list.json).length,
    };
  } finally {
    await guard.close();
  }
}

function namedKey(info: unknown): unknown {
  return typeof info === 'object' && info !== null ? Reflect.get(info, 'npub') : undefined;
}
