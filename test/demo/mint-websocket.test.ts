import { once } from 'node:events';
import { connect } from 'node:net';

import type { MintQuoteBolt11Response, ProofState } from '@cashu/cashu-ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { walletOf } from './mint-wallet.ts';

let mint: DemoMint;

beforeEach(async () => {
  mint = await startMint({ seed: 'sockets' });
});

afterEach(() => mint.close());

const rethrow = (error: Error) => {
  throw error;
};

test('a wallet hears of its mint quote being paid and issued', async () => {
  const wallet = await walletOf(mint.url);
  const quote = await wallet.createMintQuoteBolt11(10);
  const heard: string[] = [];
  const cancel = await wallet.on.mintQuoteUpdates(
    [quote.quote],
    ({ state }: MintQuoteBolt11Response) => heard.push(state),
    rethrow,
  );
  await expect.poll(() => heard).toEqual(['UNPAID']);

  mint.pay(quote.quote);
  await expect.poll(() => heard).toEqual(['UNPAID', 'PAID']);
  await wallet.mintProofsBolt11(10, quote);

  await expect.poll(() => heard).toEqual(['UNPAID', 'PAID', 'ISSUED']);
  cancel();
  wallet.mint.disconnectWebSocket();
});

test('waiting for a payment resolves when it comes', async () => {
  const wallet = await walletOf(mint.url);
  const quote = await wallet.createMintQuoteBolt11(10);
  const paid = wallet.on.onceMintPaid(quote.quote, { timeoutMs: 5000 });
  mint.pay(quote.quote);

  expect((await paid).state).toBe('PAID');
  wallet.mint.disconnectWebSocket();
});

test('a wallet hears of the states of its proofs, also of a pending melt', async () => {
  const wallet = await walletOf(mint.url);
  const proofs = await wallet.receive(mint.faucet(16));
  const heard: string[] = [];
  await wallet.on.proofStateUpdates(proofs, ({ state }: ProofState) => heard.push(state), rethrow);
  const quote = await wallet.createMeltQuoteBolt11(mint.invoice(8));
  const quoteHeard: string[] = [];
  await wallet.on.meltQuoteUpdates([quote.quote], ({ state }) => quoteHeard.push(state), rethrow);
  await expect.poll(() => [heard, quoteHeard]).toEqual([['UNSPENT'], ['UNPAID']]);
  mint.settleMelt(quote.quote, 'pending');
  await wallet.meltProofsBolt11(quote, proofs);

  mint.settleMelt(quote.quote, 'paid');

  await expect.poll(() => heard).toEqual(['UNSPENT', 'PENDING', 'SPENT']);
  expect(quoteHeard).toEqual(['UNPAID', 'PENDING', 'PAID']);
  wallet.mint.disconnectWebSocket();
});

async function rawSocket() {
  const socket = new WebSocket(`${mint.url.replace('http', 'ws')}/v1/ws`);
  const messages: unknown[] = [];
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))));
  await once(socket, 'open');
  return { socket, messages };
}

test('calls that are not understood get an error with their id', async () => {
  const { socket, messages } = await rawSocket();
  socket.send('no json');
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'dance', params: { subId: 'a' } }));
  const params = { kind: 'proof_state', subId: 'b', filters: Array.from({ length: 1001 }, String) };
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 8, method: 'subscribe', params }));

  await expect.poll(() => messages).toHaveLength(3);
  expect(messages).toMatchObject([
    { id: null, error: { message: 'subId is missing' } },
    { id: 7, error: { message: 'not understood' } },
    { id: 8, error: { message: 'too many subscriptions' } },
  ]);
  socket.close();
});

test('after unsubscribing there is silence', async () => {
  const { socket, messages } = await rawSocket();
  const wallet = await walletOf(mint.url);
  const quote = await wallet.createMintQuoteBolt11(10);
  const params = { kind: 'bolt11_mint_quote', subId: 's', filters: [quote.quote] };
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'subscribe', params }));
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'unsubscribe', params }));
  await expect.poll(() => messages).toHaveLength(3);

  mint.pay(quote.quote);
  socket.send('{}');

  await expect.poll(() => messages).toHaveLength(4);
  expect(messages[1]).toMatchObject({
    method: 'subscribe',
    params: { payload: { state: 'UNPAID' } },
  });
  expect(messages[3]).toMatchObject({ error: { message: 'subId is missing' } });
  socket.close();
});

/** Connects by hand, sends bytes after the handshake and returns what comes back until the end. */
async function rawBytes(frames: Buffer, path = '/v1/ws', key = 'x3JJHMbDL1EzLkh9GBhXDw==') {
  const { hostname, port } = new URL(mint.url);
  const socket = connect(Number(port), hostname);
  const got: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => got.push(bytes));
  const head = [
    `GET ${path} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    ...(key === '' ? [] : [`Sec-WebSocket-Key: ${key}`]),
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ];
  socket.write(head.join('\r\n'));
  // byte by byte, so that every frame arrives in pieces
  for (const byte of frames.subarray(0, 200)) socket.write(Buffer.from([byte]));
  socket.write(frames.subarray(200));
  await once(socket, 'end');
  socket.destroy();
  const all = Buffer.concat(got);
  const at = all.indexOf('\r\n\r\n') + 4;
  return { head: all.subarray(0, at).toString(), body: all.subarray(at) };
}

function masked(opcode: number, payload: Buffer, fin = true): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const size =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0xfe, payload.length >> 8, payload.length & 255]);
  const hidden = Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), size, mask, hidden]);
}

test('the handshake, fragments, pings and the close are those of RFC 6455', async () => {
  const call = Buffer.from(JSON.stringify({ id: 1, padding: 'x'.repeat(300) }));
  const { head, body } = await rawBytes(
    Buffer.concat([
      masked(9, Buffer.from('hi')),
      masked(1, call.subarray(0, 10), false),
      masked(9, Buffer.from('ho')),
      masked(0, call.subarray(10)),
      masked(8, Buffer.from([3, 232])),
    ]),
  );

  expect(head).toContain('101 Switching Protocols');
  expect(head).toContain('Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=');
  const error = JSON.stringify({
    jsonrpc: '2.0',
    error: { code: -32_600, message: 'subId is missing' },
    id: 1,
  });
  expect(body).toEqual(
    Buffer.concat([
      Buffer.from([0x8a, 2]),
      Buffer.from('hi'),
      Buffer.from([0x8a, 2]),
      Buffer.from('ho'),
      Buffer.from([0x81, error.length]),
      Buffer.from(error),
      Buffer.from([0x88, 2, 3, 232]),
    ]),
  );
});

test('breaches of the protocol close the connection with their code', async () => {
  const unmasked = Buffer.from([0x81, 2, 65, 65]);
  const tooBig = Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]);
  const cases: [Buffer, number][] = [
    [unmasked, 1002],
    [masked(2, Buffer.from('binary')), 1003],
    [masked(0, Buffer.from('continues nothing')), 1002],
    [masked(3, Buffer.from('unknown opcode')), 1002],
    [Buffer.concat([masked(1, Buffer.from('a'), false), masked(1, Buffer.from('b'))]), 1002],
    [tooBig, 1009],
    [
      Buffer.concat(
        Array.from({ length: 102 }, (_, at) => masked(at === 0 ? 1 : 0, Buffer.alloc(0), false)),
      ),
      1009,
    ],
  ];
  for (const [bytes, code] of cases) {
    const { body } = await rawBytes(bytes);
    expect(body).toEqual(Buffer.from([0x88, 2, code >> 8, code & 255]));
  }
});

test('what is no handshake is refused', async () => {
  expect((await rawBytes(Buffer.alloc(0), '/v1/ws', '')).head).toContain('400 Bad Request');
  expect((await rawBytes(Buffer.alloc(0), '/v1/other')).head).toContain('404 Not Found');
});
