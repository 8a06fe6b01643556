import { npubOf, pubkeyOf } from '../../nostr/npub.ts';

/** How a node is called in logs: by its npub, or by its origin where no key of it is known. */
export function nodeName(node: string): string {
  const pubkey = pubkeyOf(node);
  return pubkey === undefined ? node : npubOf(pubkey);
}
