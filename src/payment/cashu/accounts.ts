import type { IncomingToken } from '../../wallet/token.ts';
import { parseTokenFresh } from '../../wallet/token.ts';
import type { CashuCredential } from './credential.ts';
import type { CashuParts } from './parts.ts';

/** Credentials seen lately; one that is not here is decoded again. */
const MAX_KNOWN = 10_000;

export interface KnownAccounts {
  /** The account id of a credential, and its token where it had to be decoded to know. Rejects as `parseToken` does. */
  identify(
    credential: CashuCredential,
  ): Promise<{ readonly account: string; readonly token: IncomingToken | undefined }>;
}

/** From the SHA-256 of a header to an account id: what a static key costs per request. */
export function createKnownAccounts(parts: Pick<CashuParts, 'wallet' | 'crypto'>): KnownAccounts {
  const known = new Map<string, string>();
  return {
    async identify(credential) {
      const account = known.get(credential.key);
      if (account !== undefined) return { account, token: undefined };
      const token = await parseTokenFresh(credential.text, parts.wallet.mints, parts.crypto);
      const oldest = known.keys().next();
      if (known.size >= MAX_KNOWN && oldest.done !== true) known.delete(oldest.value);
      known.set(credential.key, token.accountId);
      return { account: token.accountId, token };
    },
  };
}
