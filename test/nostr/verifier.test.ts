import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { createVerifier } from '../../src/nostr/verifier.ts';
import { announcement, fresh, signerNumber } from './events.ts';

const event = await announcement();

test('a signed event is right', async () => {
  const verifier = await createVerifier();

  await expect(verifier.verify(fresh(event))).resolves.toBe(true);
});

test.each<[string, object]>([
  ['changed content', { content: 'evil' }],
  ['changed tags', { tags: [] }],
  ['another time', { created_at: event.created_at + 1 }],
  ['another author', { pubkey: signerNumber(2).pubkey }],
  ['an author that is no point of the curve', { pubkey: 'f'.repeat(64) }],
  ['an empty signature', { sig: '0'.repeat(128) }],
  ['another id', { id: '0'.repeat(64) }],
])('%s makes it wrong, also after the right event was seen', async (_name, change) => {
  const verifier = await createVerifier();
  await verifier.verify(event);

  await expect(verifier.verify({ ...event, ...change })).resolves.toBe(false);
});

test('another signature over the same id is checked anew', async () => {
  const verifier = await createVerifier();
  await verifier.verify(event);
  const last = event.sig.endsWith('0') ? '1' : '0';

  const forged = { ...event, sig: event.sig.slice(0, -1) + last };

  await expect(verifier.verify(forged)).resolves.toBe(false);
  await expect(verifier.verify(event)).resolves.toBe(true);
});

test('a flood is checked in order, in pieces that let others work', async () => {
  const verifier = await createVerifier();
  const forged = { ...event, id: 'f'.repeat(64) };
  const order: number[] = [];

  const all = Array.from({ length: 500 }, async (_, index) => {
    const isValid = await verifier.verify(index === 250 ? event : forged);
    order.push(index);
    return isValid;
  });
  const doneAfterTurn: number[] = [];
  while (order.length < 500) {
    await turn();
    doneAfterTurn.push(order.length);
  }

  const verdicts = await Promise.all(all);
  expect(verdicts.filter(Boolean)).toHaveLength(1);
  expect(order).toStrictEqual(Array.from({ length: 500 }, (_, index) => index));
  expect(doneAfterTurn.length).toBeGreaterThanOrEqual(10);
});

test('beyond the number that may wait nothing is said about an event', async () => {
  const verifier = await createVerifier({ maxWaiting: 2 });
  const first = [verifier.verify(event), verifier.verify(event)];

  await expect(verifier.verify(event)).rejects.toThrow('too many events');
  await expect(Promise.all(first)).resolves.toStrictEqual([true, true]);
  await expect(verifier.verify(event)).resolves.toBe(true);
});
