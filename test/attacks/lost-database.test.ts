import { expect, test } from 'vitest';

import { cashuWorld, pay, payerWallet, receive } from '../support/cashu-world.ts';

test.each([
  ['answers as usual', undefined],
  ['loses the answer', { path: '/v1/swap', kind: 'drop', when: 'before' }],
] as const)(
  'S1: after a lost database nobody is given the change of another payer (a mint that %s)',
  async (_, fault) => {
    await using world = await cashuWorld();
    const first = await pay(world, world.mint.faucet(100), 1_000n);
    await world.restart({ databaseLost: true });
    if (fault !== undefined) world.mint.addFault(fault);

    // Of the same worth and with the same hold: its swap would ask for the same coins once more.
    const token = world.mint.faucet(100);
    const settled = await pay(world, token, 1_000n).catch(() => undefined);

    const wallet = await payerWallet(world.mint);
    const secrets = (text = '') =>
      text === '' ? [] : wallet.decodeToken(text).proofs.map(({ secret }) => secret);
    const given = new Set(secrets(first.change?.token));
    expect(secrets(settled?.change?.token).filter((secret) => given.has(secret))).toEqual([]);
    expect(await receive(world.mint, first.change?.token ?? '')).toBe(99n);
    expect(await world.faults()).toEqual([]);
  },
);
