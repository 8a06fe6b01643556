import { expect, test } from 'vitest';

import { chat, costOf } from '../support/router-chat.ts';
import { routerWorld } from '../support/router-world.ts';

test.each(['x-cashu', 'bearer', 'cashu'] as const)(
  'the first words of a stream arrive while the upstream still holds back the rest (%s)',
  async (scheme) => {
    await using world = await routerWorld();
    world.model.hold(3);

    const answer = await chat(world.url, world.fund(1000), { scheme, fields: { stream: true } });
    const early = [await answer.next(), await answer.next(), await answer.next()];

    // Nothing more can have been sent: the upstream waits for us.
    expect(early.every((data) => data?.includes('"delta"'))).toBe(true);
    expect(world.model.requests.at(-1)).toMatchObject({ chunksSent: 3, outcome: 'running' });
    world.model.release();
    const rest = await answer.chunks();
    expect(costOf(rest.at(-1))).toBeGreaterThan(0);
  },
  20_000,
);
