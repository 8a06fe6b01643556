import { account } from '../../ledger/accounts.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { RouterError } from '../../lib/errors.ts';
import { latestChange } from '../../wallet/coins.ts';
import { tokenOfCoins, worthOf } from '../../wallet/own-coins.ts';
import { parseTokenFresh } from '../../wallet/token.ts';
import type { IncomingToken } from '../../wallet/token.ts';
import type { Credentials } from '../rail.ts';
import type { KnownAccounts } from './accounts.ts';
import { cashuCredential } from './credential.ts';
import type { CashuCredential } from './credential.ts';
import type { CashuParts } from './parts.ts';
import { refund } from './refund.ts';

/** The wallet routes, for payers: what is left, and to have it back. */
export interface CashuWalletApi {
  /** Describes a token without redeeming it. `balance` is msat: on the ledger, and out as change that is not known spent. */
  info(credentials: Credentials): Promise<Readonly<Record<string, unknown>>>;
  /** What is left, as a token. Idempotent. RouterError where there is nothing (yet). */
  refund(credentials: Credentials): Promise<{
    readonly status: number;
    readonly body: Readonly<Record<string, unknown>>;
    readonly headers: Readonly<Record<string, string>>;
  }>;
}

export function createWalletApi(parts: CashuParts, known: KnownAccounts): CashuWalletApi {
  return {
    async info(credentials) {
      const credential = needed(credentials);
      const { account: id, token } = await known.identify(credential);
      const row = await parts.store.read(() => account(id));
      if (row !== undefined) return describe(parts, row);
      return describeUnseen(
        token ?? (await parseTokenFresh(credential.text, parts.wallet.mints, parts.crypto)),
      );
    },
    async refund(credentials) {
      const credential = needed(credentials);
      const { account: id } = await known.identify(credential);
      const { coins, amountSat, mint } = await refund(parts, id, credentials.address);
      const token = tokenOfCoins(parts.seeds, coins, mint);
      const body = { token, sats: String(amountSat), unit: 'sat', mint: mint.url };
      // The header is what X-Cashu clients read; a Bearer client's proxy may not pass it.
      const headers = credential.scheme === 'bearer' ? {} : { 'x-cashu': token };
      return { status: 200, body, headers };
    },
  };
}

function needed(credentials: Credentials): CashuCredential {
  const credential = cashuCredential(credentials);
  if (credential === undefined)
    throw new RouterError('invalid_api_key', 'Send the Cashu token you paid with.');
  return credential;
}

async function describe(
  parts: CashuParts,
  row: AccountRow,
): Promise<Readonly<Record<string, unknown>>> {
  const coins = row.state === 'out' ? await parts.store.read(() => latestChange(row.id)) : [];
  const out = worthOf(coins.filter((coin) => coin.state === 'given')) * 1000n;
  return {
    balance: Number(row.balance_msat - row.held_msat + out),
    balance_msats: Number(row.balance_msat - row.held_msat + out),
    reserved: Number(row.held_msat),
    change_out_msats: Number(out),
    state: row.state,
    change_mode: row.mode,
    unit: row.unit,
    mint: parts.wallet.mints.byId(row.mint)?.url,
    presented: true,
  };
}

function describeUnseen(token: IncomingToken): Readonly<Record<string, unknown>> {
  const worth = Number((token.amount - token.fee) * 1000n);
  return {
    balance: worth,
    balance_msats: worth,
    reserved: 0,
    change_out_msats: 0,
    mint_fee_sats: Number(token.fee),
    unit: token.unit,
    mint: token.mint.url,
    presented: false,
  };
}
