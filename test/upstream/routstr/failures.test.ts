import { expect, test } from 'vitest';

import { msat } from '../../../src/lib/amount.ts';
import type { Msat } from '../../../src/lib/amount.ts';
import { createCancel } from '../../../src/lib/cancel.ts';
import type { ForwardRequest } from '../../../src/upstream/upstream.ts';
import { failureOf } from '../../support/refusals.ts';
import { buy, buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import type { BuyingWorld } from './buying-world.ts';
import { answer, costOf, event, json, scriptedNode } from './scripted-node.ts';
import type { ScriptedNode } from './scripted-node.ts';

const IDLE_MS = 601_000;

/** All accounts are over, after what is due was done again and again. */
async function over(world: BuyingWorld): Promise<void> {
  world.clock.advance(IDLE_MS);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => state === 'closed' || state === 'lost'),
  );
}

const charged = async (world: BuyingWorld): Promise<bigint | undefined> =>
  (await world.rows())[0]?.charged_msat;

test.each([401, 402, 400] as const)(
  'a refusal that is about our payment (%i) is told as empty pockets, never as the payer’s fault',
  async (status) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const error = { message: 'cashuBsecret', type: 'cashu_error', code: 'cashu_token_invalid' };
    node.chat = (response) => json(response, status, { error }, { 'x-cashu': 'creqAforged' });

    const failure = await failureOf(buy(world, world.upstream(node.url)));

    expect(failure).toMatchObject({ kind: 'status', status: 402, body: undefined });
    await over(world);
    expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
    expect(await world.faults()).toEqual([]);
  },
);

test('our own token is said to be spent: that is withheld, at once', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await buy(world, upstream);
  const atRisk = world.purchases.riskOf('n1');
  const error = { message: 'no', type: 'token_already_spent', code: 'cashu_token_already_spent' };
  node.chat = (response) => json(response, 400, { detail: { error }, error });

  await failureOf(buy(world, upstream));

  expect(world.seen).toContainEqual({ kind: 'withheld', msat: atRisk });
  await over(world);
  expect(await world.faults()).toEqual([]);
});

test.each([
  ['is away', 12n],
  ['answers, and gives nothing', 6n],
] as const)(
  'a node that %s withholds what it owes from the %dth attempt on',
  async (how, first) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    await buy(world, world.upstream(node.url));
    node.refund = (response) => {
      if (how === 'is away') response.destroy();
      else json(response, 503, {});
    };
    world.clock.advance(IDLE_MS);

    let kept: bigint | undefined;
    await sweepUntil(world, async () => {
      kept = (await world.rows())[0]?.attempts;
      return world.seen.some(({ kind }) => kind === 'withheld');
    });

    expect(kept).toBe(first);
  },
);

test('a fault of the request is told as the node tells it', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const error = { message: 'too long', type: 'invalid_request_error', code: 'context_length' };
  node.chat = (response) => json(response, 400, { error });

  const failure = await failureOf(buy(world, world.upstream(node.url)));

  expect(failure).toMatchObject({ status: 400, body: { error: { message: 'too long' } } });
  expect(await world.rows()).toMatchObject([{ state: 'open', charged_msat: 0n }]);
});

test.each([425, 429])('%i is not now, and costs nothing', async (status) => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = (response) => json(response, status, {}, { 'retry-after': '7' });

  const failure = await failureOf(buy(world, world.upstream(node.url)));

  await settled(world);
  expect(failure).toMatchObject({ kind: 'status', status, retryAfterS: 7 });
  expect(await world.rows()).toMatchObject([
    { state: 'open', charged_msat: 0n, reserved_msat: 0n },
  ]);
  expect(world.seen).toEqual([{ kind: 'failed', what: `status ${status}` }]);
});

test('that other requests of ours have all that lies there is no failure of the node', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const error = { message: 'later', type: 'rate_limit_error', code: 'balance_in_use' };
  node.chat = (response) => json(response, 429, { error });

  await failureOf(buy(world, world.upstream(node.url)));

  expect(world.seen).toEqual([]);
});

test.each([
  [500n, [{ kind: 'failed', what: 'status 402' }]],
  [60n, []],
] as const)(
  'a node that wants to see more for every request fails, where it is shown more (cap %i)',
  async (capSat, seen) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    world.capSat = capSat;
    let wanted = 100_000;
    node.chat = (response) => {
      const message = `Insufficient balance: ${wanted} mSats required. 0 available.`;
      wanted *= 2;
      json(response, 402, { error: { message, code: 'insufficient_balance' } });
    };

    await failureOf(buy(world, world.upstream(node.url)));
    await settled(world);

    expect(world.seen.filter(({ kind }) => kind === 'failed')).toEqual(seen);
  },
);

test('what a 503 cost is asked of the node before the balance is used for more: nothing, by right', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = async (response, { headers }) => {
    const account = await node.till.open(headers.authorization?.replace('Bearer ', '') ?? '');
    if (account !== undefined) account.balanceMsat -= 700;
    json(response, 503, {});
  };

  await failureOf(buy(world, world.upstream(node.url)));
  await settled(world);
  world.clock.advance(1000);
  await settled(world);

  expect(await world.rows()).toMatchObject([{ charged_msat: 700n, disputed_msat: 700n }]);
  expect(world.seen).toEqual([
    { kind: 'failed', what: 'status 503' },
    { kind: 'overcharged', chargedMsat: 700n, expectedMsat: 0n },
  ]);
  expect(await world.faults()).toEqual([]);
});

/** Charges, and then does not answer to its end. */
async function chargeAnd(
  node: ScriptedNode,
  headers: Record<string, unknown>,
  costMsat: number,
): Promise<void> {
  const token = String(headers['authorization']).replace('Bearer ', '');
  const account = await node.till.open(token);
  if (account !== undefined) account.balanceMsat -= costMsat;
}

test('a node that dies within its answer is paid what it took, at most what it had', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = async (response, { headers }) => {
    await chargeAnd(node, headers, 900);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ id: 'c1', choices: [{ index: 0, delta: { content: 'he' } }] }), () =>
      response.socket?.resetAndDestroy(),
    );
  };

  const failure = await failureOf(
    buy(world, world.upstream(node.url), requestOf(5, { stream: true })),
  );
  await settled(world);
  world.clock.advance(1000);
  await settled(world);

  expect(failure.kind).toBe('broken');
  expect(world.seen).toContainEqual({ kind: 'failed', what: 'broken' });
  expect(await charged(world)).toBe(900n);
  expect(await world.faults()).toEqual([]);
});

test('a payer that leaves ends the request there, and its cost is asked for', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const closed = Promise.withResolvers<void>();
  node.chat = async (response, { headers }) => {
    response.on('close', () => closed.resolve());
    await chargeAnd(node, headers, 400);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ id: 'c1', choices: [{ index: 0, delta: { content: 'he' } }] }));
  };
  const gone = createCancel();
  const upstream = world.upstream(node.url);
  let bill = (_charge: Msat): void => undefined;
  const onBilled: ForwardRequest['onBilled'] = (listener) => (bill = listener);
  const sent = await upstream.send(requestOf(5, { stream: true, onBilled }), gone);
  const relayed = failureOf(sent.relay(() => undefined));
  gone.cancel();

  expect((await relayed).kind).toBe('cancelled');
  bill(msat(350n));
  await closed.promise;
  await settled(world);
  world.clock.advance(1000);
  await settled(world);
  expect(await charged(world)).toBe(400n);
  expect(world.seen).toEqual([
    { kind: 'covered', msat: 350n },
    { kind: 'unchecked', msat: 400n },
  ]);
});

test('an answer that nobody reads is settled too', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const gone = createCancel();
  await world.upstream(node.url).send(requestOf(5), gone);

  gone.cancel();
  await settled(world);
  world.clock.advance(1000);
  await settled(world);

  expect(await world.rows()).toMatchObject([{ charged_msat: 2000n, reserved_msat: 0n }]);
});

test('a node that takes the request and never answers is late, and what it has is called back', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = () => undefined;

  const failure = await failureOf(
    buy(world, world.upstream(node.url), requestOf(5, { firstByteTimeoutMs: 100 })),
  );
  await over(world);

  expect(failure.kind).toBe('timeout');
  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 0n, lost_msat: 0n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
});

test('a token that its node never redeemed is ours again, also when the node is gone for good', async () => {
  await using world = await buyingWorld();
  const node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await node[Symbol.asyncDispose]();

  expect((await failureOf(buy(world, upstream))).kind).toBe('unreachable');
  await over(world);

  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 0n, lost_msat: 0n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
  expect(world.purchases.riskOf('n1')).toBe(0n);
});

test('a node that says it has never seen the money is asked for ever, and seen as withholding', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  const atRisk = world.purchases.riskOf('n1');
  node.refund = (response) => json(response, 404, { detail: 'Refund not found' });
  world.clock.advance(IDLE_MS);

  await sweepUntil(world, async () => ((await world.rows())[0]?.attempts ?? 0n) >= 8n);

  expect(await world.rows()).toMatchObject([{ state: 'draining' }]);
  expect(world.seen.filter(({ kind }) => kind === 'withheld')).toEqual([
    { kind: 'withheld', msat: atRisk },
  ]);
  expect(world.purchases.riskOf('n1')).toBe(atRisk);

  node.refund = () => false;
  await over(world);
  expect(await world.rows()).toMatchObject([{ state: 'closed', lost_msat: 0n }]);
  expect(world.seen.at(-1)).toEqual({ kind: 'returned', msat: atRisk });
});

test.each([410, 400])(
  'what a node kept and says is gone (%i) stays at risk for ever',
  async (status) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    await buy(world, world.upstream(node.url));
    const atRisk = world.purchases.riskOf('n1');
    node.refund = (response) => json(response, status, { detail: 'No balance to refund' });
    await over(world);

    expect(await world.rows()).toMatchObject([{ state: 'lost', lost_msat: atRisk }]);
    expect(world.purchases.riskOf('n1')).toBe(atRisk);
    expect(world.seen).toContainEqual({ kind: 'withheld', msat: atRisk });
    expect(await world.faults()).toEqual([]);
    await world.restart();
    expect(world.purchases.riskOf('n1')).toBe(atRisk);
  },
);

test('change that is forged or spent is no change: the rest is called for as if it had not come', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const spent = world.mint.faucet(7);
  await node.till.redeem(spent);
  node.chat = (response) => answer(response, false, { ...costOf(2000), x_cashu: spent });

  const text = await buy(world, world.upstream(node.url));
  await over(world);

  expect(text).not.toContain('cashu');
  // The node never charged what it said.
  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 0n, lost_msat: 0n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
  expect(await world.faults()).toEqual([]);
});

test('a crash in mid-request is cleared up at the next start', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = async (_response, { headers }) => chargeAnd(node, headers, 1200);
  const lost = failureOf(world.upstream(node.url).send(requestOf(5), createCancel()));
  await expect.poll(() => node.chats().length).toBe(1);
  await settled(world);
  const [before] = await world.rows();
  await world.restart();
  await lost;

  world.clock.advance(1000);
  world.upstream(node.url);
  await settled(world);

  expect(before?.reserved_msat).toBe(5000n);
  expect(await world.rows()).toMatchObject([
    { charged_msat: 1200n, reserved_msat: 0n, state: 'open' },
  ]);
});

test('core wants to see more on the balance than a request can cost: it is shown, and the request sent again', async () => {
  await using world = await buyingWorld({ fundSat: 2000 });
  await using node = await scriptedNode(world.mint.url);
  const needed = 300_000;
  node.chat = async (response, { headers }) => {
    const account = await node.till.open(headers.authorization?.replace('Bearer ', '') ?? '');
    if ((account?.balanceMsat ?? 0) >= needed) return false;
    const message = `Insufficient balance: ${needed} mSats required. 0 available.`;
    json(response, 402, {
      error: { message, type: 'insufficient_quota', code: 'insufficient_balance' },
    });
    return true;
  };

  const text = await buy(world, world.upstream(node.url));

  expect(text).toContain('hello');
  expect(node.chats()).toHaveLength(2);
  expect(world.seen.map(({ kind }) => kind)).not.toContain('failed');
});
