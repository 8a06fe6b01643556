import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { chat, until } from '../support/router-chat.ts';
import { receiveAt, routerWorld } from '../support/router-world.ts';

test('a configured mint that hangs holds up its own payers only, and those no longer than its timeout', async () => {
  const mint = await startMint({ inputFeePpk: 100 });
  await using world = await routerWorld({ otherMints: [mint.url] });
  const token = mint.faucet(1000);
  mint.addFault({ path: '/v1/*', kind: 'hang', times: 100 });
  let isOver = false;

  const hanging = chat(world.url, token).finally(() => {
    isOver = true;
  });
  await until('the mint has it', () => mint.callCount('/v1/swap') === 1);
  const others = await Promise.all(
    Array.from({ length: 5 }, () => chat(world.url, world.fund(100))),
  );

  // All of them were answered while the first one waited.
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(isOver).toBe(false);
  const answer = await hanging;
  expect(answer.status).toBe(503);
  expect((await answer.json()).error?.code).toBe('cashu_mint_unreachable');
  mint.clearFaults();
  expect(await receiveAt(mint, token)).toBe(999_000);
  await mint.close();
});
