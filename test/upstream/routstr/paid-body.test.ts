import fc from 'fast-check';
import { expect, test } from 'vitest';

import { paidJson, paidStream } from '../../../src/upstream/routstr/paid-body.ts';
import type { Receipt } from '../../../src/upstream/routstr/receipt.ts';
import { UpstreamFailure } from '../../../src/upstream/upstream.ts';
import { costOf, event, USAGE } from './scripted-node.ts';

const blank = (): Receipt => ({
  course: 'unseen',
  usage: undefined,
  chargedMsat: undefined,
  change: undefined,
});
const TOKEN = 'cashuBo2FteA';
const HELLO = event({ id: 'c', choices: [{ index: 0, delta: { content: 'hello "cost" x' } }] });
const LAST = event({ id: 'c', choices: [], ...costOf(2000, 77), x_cashu: TOKEN });
const DONE = 'data: [DONE]\n\n';
const PING = ': ping\n\n';

/** All that came out of pieces. */
function relayed(receipt: Receipt, pieces: readonly Buffer[]): string {
  const body = paidStream(receipt);
  return Buffer.concat([...pieces.map((piece) => body.push(piece)), body.end()]).toString();
}

test('a stream comes out the same but for its money, wherever it was cut', () => {
  const bytes = Buffer.from(PING + HELLO + LAST + DONE);
  const kept = event({ id: 'c', choices: [], metadata: {}, usage: USAGE });
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 6 }), (cuts) => {
      const sorted = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const pieces = sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
      const receipt = blank();

      expect(relayed(receipt, pieces)).toBe(PING + HELLO + kept + DONE);
      expect(receipt).toMatchObject({ chargedMsat: 2000n, change: TOKEN });
    }),
  );
});

test.each([
  String.raw`data: {"choices":[],"\u0078_cashu":"${TOKEN}"}`,
  `data: {"choices":[],\ndata: "x_cashu":"${TOKEN}"}`,
  `event: x-cashu\ndata: {"x_cashu":"${TOKEN}"}`,
  `data: {"choices":[{"x_cashu":"${TOKEN}"}]}`,
  `data: "x_cashu":"${TOKEN}"`,
  `data: {"error":{"x_cashu":"${TOKEN}"}}`,
])('money that hides is found: %s', (text) => {
  expect(relayed(blank(), [Buffer.from(`${text}\n\n`)])).not.toContain(TOKEN);
  // Also where the stream ends before its last blank line.
  expect(relayed(blank(), [Buffer.from(text)])).not.toContain(TOKEN);
});

test('only a Cashu token counts as change', () => {
  const receipt = blank();
  for (const change of ['creqAabc', 'lnbc1', '', 7, null, { token: TOKEN }])
    relayed(receipt, [Buffer.from(event({ choices: [], x_cashu: change }))]);

  expect(receipt.change).toBeUndefined();
});

test.each([
  ['usage.cost', { usage: { ...USAGE, cost: { total_msats: 5 } } }, 5n],
  ['cost', { cost: { total_msats: 6 } }, 6n],
  ['metadata', { metadata: { routstr: { cost: { total_msats: 7 } } } }, 7n],
  ['cost_sats', { usage: { ...USAGE, cost_sats: 1.2 } }, 1200n],
  ['USD', { usage: { ...USAGE, cost: 0.001 } }, undefined],
  ['negative', { cost: { total_msats: -1 } }, undefined],
  ['absurd', { cost: { total_msats: 1e300 } }, undefined],
])('the charge is read from %s', (_where, said, charged) => {
  const receipt = blank();
  const body = paidJson(receipt);
  body.push(Buffer.from(JSON.stringify({ choices: [], ...said })));

  expect(JSON.parse(body.end().toString())).not.toHaveProperty('cost');
  expect(receipt.chargedMsat).toBe(charged);
});

test('an event that never ends is no answer', () => {
  const body = paidStream(blank());
  const flood = (): void => {
    for (let piece = 0; piece < 80; piece += 1) body.push(Buffer.alloc(65_536, 'a'));
  };

  expect(flood).toThrow(UpstreamFailure);
});
