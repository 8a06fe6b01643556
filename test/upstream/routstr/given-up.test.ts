import { expect, test } from 'vitest';

import { createCancel } from '../../../src/lib/cancel.ts';
import { buyingWorld, requestOf, settled } from './buying-world.ts';
import { json, scriptedNode } from './scripted-node.ts';

test('a request that nobody wants any more when its money is there is not sent, and not told as sent', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const gone = createCancel();
  node.info = (response) => {
    gone.cancel();
    json(response, 503, {});
  };

  const sent = world.upstream(node.url).send(requestOf(5), gone);

  await expect(sent).rejects.toMatchObject({ kind: 'unaffordable', message: 'given up' });
  await settled(world);
  expect(node.chats()).toEqual([]);
  expect(await world.rows()).toMatchObject([
    { state: 'open', charged_msat: 0n, reserved_msat: 0n },
  ]);
});
