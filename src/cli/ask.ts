import { join } from 'node:path';

import { loadSettings } from '../config.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { FAILED, OK, UsageError } from './command.ts';
import { openPurse } from './open-purse.ts';
import { paidChat } from './paid-chat.ts';
import type { PaidChat } from './paid-chat.ts';
import type { Outcome, Purse } from './purse.ts';
import { fetchRouterInfo, reasonOf } from './router-client.ts';
import { routerUrl } from './router-url.ts';

const DEFAULT_MAX_SAT = '100';

export const ask: Command = {
  name: 'ask',
  positionals: '[QUESTION]',
  maxPositionals: 1,
  summary: 'Ask a model and pay from a purse',
  flags: {
    router: { type: 'string', value: 'URL', help: 'whom to pay (http://HOST:PORT)' },
    model: { type: 'string', value: 'MODEL', help: "the router's first one" },
    'max-sat': { type: 'string', value: 'SAT', help: `the most it may cost (${DEFAULT_MAX_SAT})` },
    fund: { type: 'string', value: 'TOKEN', help: 'put a Cashu token into the purse first' },
  },
  details:
    'The answer goes to stdout, cost and balance to stderr. The purse is <home>/purse.json: whoever has\n' +
    'that file has the money in it. What a lost connection or a killed run left open is taken back by\n' +
    'the next run.',
  run: runAsk,
};

async function runAsk(args: Arguments, terminal: Terminal): Promise<number> {
  const settings = loadSettings(args.sources);
  const question = args.positionals[0];
  const token = args.text('fund');
  const maxSat = wholeSat(args.text('max-sat') ?? DEFAULT_MAX_SAT);
  const tell = (line: string): void => void (args.json || terminal.stderr.write(`${line}\n`));

  const opened = openPurse(join(settings.home, 'purse.json'));
  try {
    const { purse } = opened;
    for (const outcome of await purse.sweep()) tell(`from an earlier run: ${describe(outcome)}`);
    if (token !== undefined && !(await fund(purse, token, tell))) return FAILED;
    if (question === undefined) {
      report(purse, args, terminal);
      return OK;
    }
    const router = routerUrl(settings, args.text('router'));
    return await askOnce(
      { args, terminal, purse, tell },
      { router, question, maxSat, model: args.text('model') },
    );
  } finally {
    await opened.close();
  }
}

interface Session {
  readonly args: Arguments;
  readonly terminal: Terminal;
  readonly purse: Purse;
  readonly tell: (line: string) => void;
}

interface Question {
  readonly router: string;
  readonly question: string;
  readonly maxSat: bigint;
  readonly model: string | undefined;
}

async function askOnce(session: Session, wish: Question): Promise<number> {
  const { args, terminal, purse, tell } = session;
  const info = await fetchRouterInfo(wish.router).catch((error: unknown) => {
    throw new Error(`${wish.router} does not answer: ${reasonOf(error)}`, { cause: error });
  });
  const model = wish.model ?? info.models[0];
  if (model === undefined) throw new Error(`${wish.router} serves no model now`);
  const mint = richestMint(purse, info.mints);
  const amount = mint.balance < wish.maxSat ? mint.balance : wish.maxSat;

  const before = purse.total();
  const sent = await purse.cut(amount, mint.url, wish.router);
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let chat: PaidChat;
  try {
    chat = await paidChat({
      router: wish.router,
      token: sent.token,
      model,
      question: wish.question,
      signal: controller.signal,
      onText: (text) => void (args.json || terminal.stdout.write(text)),
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  if (!args.json && chat.text !== '') terminal.stdout.write('\n');
  const outcome = await purse.settle(sent, chat.change);
  const costSat = before - purse.total();
  if (args.json) {
    const { text, costMsat, error } = chat;
    const sats = { costSat: Number(costSat), balanceSat: Number(purse.total()) };
    terminal.stdout.write(`${JSON.stringify({ model, text, costMsat, error, ...sats })}\n`);
  }
  if (outcome.kind === 'open') tell(`change is not here yet, ask again later: ${outcome.message}`);
  if (chat.error !== undefined) tell(`failed: ${chat.error}`);
  const exact = chat.costMsat === undefined ? '' : ` (${chat.costMsat} msat)`;
  tell(`${model}: ${costSat} sat${exact}; ${purse.total()} sat left in the purse`);
  return chat.error === undefined ? OK : FAILED;
}

async function fund(purse: Purse, token: string, tell: (line: string) => void): Promise<boolean> {
  const outcome = await purse.receive(token);
  tell(`the token: ${describe(outcome)}`);
  return outcome.kind === 'came';
}

function richestMint(
  purse: Purse,
  accepted: readonly string[] | undefined,
): { readonly url: string; readonly balance: bigint } {
  const balances = [...purse.balances()].map(([url, balance]) => ({ url, balance }));
  const usable = balances.filter(({ url }) => accepted === undefined || accepted.includes(url));
  const [richest] = usable.toSorted((a, b) => Number(b.balance - a.balance));
  if (richest !== undefined) return richest;
  const where = accepted === undefined ? '' : ` of ${accepted.join(' or ')}`;
  throw new Error(`the purse has no coins${where}; nutroute ask --fund TOKEN puts some in`);
}

function report(purse: Purse, args: Arguments, terminal: Terminal): void {
  const balances = [...purse.balances()];
  if (args.json) {
    const byMint = Object.fromEntries(balances.map(([mint, sat]) => [mint, Number(sat)]));
    terminal.stdout.write(`${JSON.stringify({ balanceSat: Number(purse.total()), byMint })}\n`);
    return;
  }
  for (const [mint, balance] of balances) terminal.stdout.write(`${balance} sat at ${mint}\n`);
  if (balances.length === 0) terminal.stdout.write('the purse is empty\n');
}

function describe(outcome: Outcome): string {
  if (outcome.kind === 'came') return `${outcome.amount} sat came in`;
  return outcome.message;
}

function wholeSat(written: string): bigint {
  if (/^[1-9]\d{0,11}$/.test(written)) return BigInt(written);
  throw new UsageError(`--max-sat must be a whole number of sat above 0, not ${written}`);
}
