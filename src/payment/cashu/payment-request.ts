import { PaymentRequest } from '@cashu/cashu-ts';

import { ceilToSat } from '../../lib/amount.ts';
import type { Quote } from '../../pricing/quote.ts';
import type { Mint } from '../../wallet/mints.ts';
import type { Challenge } from '../rail.ts';

/** What a token of few coins costs to redeem, so that who pays exactly what is asked has enough left. */
const EXPECTED_COINS = 10n;

/**
 * The Cashu part of a 402 (NUT-24): a NUT-18 `creqA` in `X-Cashu`, and the same in plain fields of the body. In-band, so no
 * transport. `amount` is what serves the request well, mint fee included; more comes back as change.
 */
export function cashuChallenge(mints: readonly Mint[], quote: Quote | undefined): Challenge {
  const urls = mints.map((mint) => mint.url);
  const amount = quote === undefined ? undefined : ceilToSat(quote.modest) + expectedFee(mints);
  const request = new PaymentRequest(
    undefined,
    undefined,
    amount,
    'sat',
    urls,
    undefined,
    false,
  ).toEncodedCreqA();
  return {
    headers: [['x-cashu', request]],
    fields: {
      cashu: {
        ...(amount === undefined ? {} : { amount: Number(amount) }),
        unit: 'sat',
        mints: urls,
        request,
      },
    },
  };
}

function expectedFee(mints: readonly Mint[]): bigint {
  const highest = mints.reduce((most, mint) => {
    const ppk = mint.active('sat')?.ppk ?? 0n;
    return ppk > most ? ppk : most;
  }, 0n);
  return (highest * EXPECTED_COINS + 999n) / 1000n;
}
