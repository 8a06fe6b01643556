import { expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { createCancel } from '../../src/lib/cancel.ts';
import type { Settlement } from '../../src/payment/rail.ts';
import { accept, cashuWorld, credentialsFor, pay, quoteOf } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';
import { until } from '../support/router-chat.ts';

const END = { payerGone: false, error: undefined };

/** Calls `then` once, at the next write to the store, right after it was queued. */
function afterNextWrite(world: CashuWorld, then: () => void, skip = 0): void {
  const { store } = world;
  const write = store.write.bind(store);
  let left = skip;
  store.write = async (operation, durability) => {
    const written = write(operation, durability);
    if (left === 0) {
      store.write = write;
      then();
    }
    left -= 1;
    return written;
  };
}

async function stateOf(world: CashuWorld, token: string): Promise<unknown> {
  return (await world.rail.api.info(credentialsFor(token)))['state'];
}

test('S4: a payer that leaves after somebody else’s look opened its account leaves nothing held', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
  world.mint.addFault({ path: '/v1/restore', kind: 'refuse', status: 500, times: 1 });
  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({ status: 503 });
  // The lane is busy: what comes again has to wait, while the resolver only looks.
  world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 3_000 });
  const other = pay(world, world.mint.faucet(100), 1_000n);
  await until('the lane is busy', () => world.mint.callCount('/v1/swap') === 2);
  const gone = createCancel();

  const left = accept(world, token, quoteOf(1_000n), { gone });
  await until('the account is open', async () => (await stateOf(world, token)) === 'open');
  gone.cancel();

  await expect(left).rejects.toMatchObject({ code: 'payer_gone' });
  await other;
  const refund = await world.rail.api.refund(credentialsFor(token));
  expect(refund.body['sats']).toBe('100');
  expect(await world.faults()).toEqual([]);
});

test('S4: a request that joins a swap just as it is called off starts another one', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const quote = quoteOf(1_000n);
  world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 300 });
  const other = pay(world, world.mint.faucet(100), 1_000n);
  await until('the lane is busy', () => world.mint.callCount('/v1/swap') === 1);
  const gone = createCancel();
  const left = accept(world, token, quote, { gone });
  await until('it waits', async () => (await stateOf(world, token)) === 'redeeming');
  gone.cancel();
  await expect(left).rejects.toMatchObject({ code: 'payer_gone' });

  // It finds the account in the commit that frees the lane, and joins in the one that forgets the account.
  const joined = Promise.withResolvers<Settlement>();
  afterNextWrite(world, () => joined.resolve(pay(world, token, 1_000n, { quote })));
  await other;

  expect(await joined.promise).toMatchObject({ charge: 1_000n, change: { amountSat: 99n } });
  expect(await world.faults()).toEqual([]);
});

test('S4: who begins to wait just as its sibling settles is not left waiting', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const quote = quoteOf(60_000n);
  const sibling = await accept(world, token, quote);

  // It asks, counts exactly and asks again, joins, and asks once more: in that last commit the sibling settles.
  afterNextWrite(world, () => void sibling.settle({ charge: msat(1_000n), ...END }), 3);
  const startedMs = Date.now();
  const settled = await pay(world, token, 1_000n, { quote });

  expect(settled).toMatchObject({ charge: 1_000n, change: { amountSat: 98n } });
  expect(Date.now() - startedMs).toBeLessThan(15_000);
}, 90_000);
