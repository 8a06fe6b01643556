import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { openPurse } from '../../src/cli/open-purse.ts';

/** What the router does with the next chat. */
export type Behaviour = 'answer' | 'refuse' | 'stall' | 'break' | 'fail-with-change';

export interface PaidRouter {
  readonly url: string;
  behaviour: Behaviour;
  /** Resolves when a stalled answer has sent its first words. */
  readonly stalled: Promise<void>;
  /** What it earned and did not give out, sat. */
  total(): bigint;
  refunds: number;
  close(): Promise<void>;
}

const CHARGE_SAT = 10n;

/** The least router: redeems `X-Cashu` for real, says "Hello there", keeps 10 sat, gives the rest as change. */
export async function startPaidRouter(home: string, mintUrl: string): Promise<PaidRouter> {
  const opened = openPurse(join(home, 'router-purse.json'));
  const { purse } = opened;
  const changes = new Map<string, Promise<string>>();
  let onStalled: () => void = () => undefined;
  const stalled = new Promise<void>((resolve) => {
    onStalled = resolve;
  });

  async function redeem(token: string): Promise<string> {
    const { amount } = await purse.receive(token);
    return (await purse.cut(amount - CHARGE_SAT, mintUrl, 'payer')).token;
  }

  async function chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = String(request.headers['x-cashu']);
    if (router.behaviour === 'refuse') {
      const error = { message: 'no such model', type: 'invalid_request_error', param: null };
      response.writeHead(404).end(JSON.stringify({ error: { ...error, code: 'model_not_found' } }));
      return;
    }
    const change = redeem(token);
    changes.set(token, change);
    const xCashu = await change;
    if (router.behaviour === 'fail-with-change') {
      const error = { message: 'upstream is down', type: 'upstream_error', param: null, code: 'x' };
      response.writeHead(502, { 'x-cashu': xCashu }).end(JSON.stringify({ error }));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (fields: object): void => {
      const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...fields };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    const say = (content: string): void => send({ choices: [{ index: 0, delta: { content } }] });
    say('Hello ');
    if (router.behaviour === 'stall') {
      onStalled();
      return;
    }
    if (router.behaviour === 'break') {
      response.write(': the words before are on their way\n\n', () => response.destroy());
      return;
    }
    say('there');
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    send({ choices: [], usage: { ...usage, cost: { total_msats: 9_500 } }, x_cashu: xCashu });
    response.end('data: [DONE]\n\n');
  }

  async function refund(request: IncomingMessage, response: ServerResponse): Promise<void> {
    router.refunds += 1;
    const change = changes.get(String(request.headers['x-cashu']));
    if (change === undefined) {
      response.writeHead(404).end(JSON.stringify({ error: { code: 'refund_not_found' } }));
      return;
    }
    response.writeHead(200).end(JSON.stringify({ token: await change }));
  }

  const fixedAnswers = new Map<string, unknown>([
    ['/v1/info', { mints: [mintUrl] }],
    ['/v1/models', { data: [{ id: 'first' }, { id: 'second' }] }],
  ]);
  const server = createServer((request, response) => {
    request.resume();
    const fixed = fixedAnswers.get(request.url ?? '');
    if (fixed !== undefined) {
      response.end(JSON.stringify(fixed));
      return;
    }
    const answer = request.url === '/v1/chat/completions' ? chat : refund;
    void answer(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const router: PaidRouter = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behaviour: 'answer',
    stalled,
    total: () => purse.total(),
    refunds: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      await opened.close();
    },
  };
  return router;
}
