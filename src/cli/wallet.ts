import { loadConfig } from '../config.ts';
import type { Money } from '../money.ts';
import type { Arguments, Command } from './command.ts';
import { OK, UsageError } from './command.ts';
import { createErrorLog } from './log.ts';

type Treasury = Money['treasury'];

export const wallet: Command = {
  name: 'wallet',
  positionals: 'balance | receive TOKEN | send SAT | sent',
  maxPositionals: 2,
  summary: "The router's own money: what it earned, and what it may buy with",
  flags: {
    mint: { type: 'string', value: 'URL', help: 'send from this mint (the one that has it)' },
  },
  details:
    'Stop the router first: one process at a time has its database. `sent` prints the token that was sent\n' +
    'last once more.',
  async run(args, terminal) {
    const act = actionOf(args);
    const config = loadConfig(args.sources);
    const { openMoney } = await import('../money.ts');
    const money = await openMoney(config, createErrorLog(terminal));
    try {
      const answer = await act(money.treasury);
      terminal.stdout.write(args.json ? `${JSON.stringify(answer.json)}\n` : `${answer.text}\n`);
      return OK;
    } finally {
      await money.close();
    }
  },
};

interface Answer {
  readonly json: unknown;
  readonly text: string;
}

function actionOf(args: Arguments): (treasury: Treasury) => Promise<Answer> {
  const [action, argument] = args.positionals;
  switch (action) {
    case 'balance':
      if (argument !== undefined) throw new UsageError(`unexpected argument: ${argument}`);
      return balance;
    case 'sent':
      return sent;
    case 'receive':
      if (argument === undefined) throw new UsageError('receive needs a token');
      return async (treasury) => {
        const sat = await treasury.receive(argument);
        return { json: { receivedSat: Number(sat) }, text: `received ${sat} sat` };
      };
    case 'send': {
      const sat = wholeSat(argument);
      return async (treasury) => {
        const token = await treasury.send(sat, args.text('mint'));
        return { json: { token, sentSat: Number(sat) }, text: token };
      };
    }
    case undefined:
    default:
      throw new UsageError('say balance, receive TOKEN, send SAT or sent');
  }
}

async function sent(treasury: Treasury): Promise<Answer> {
  const token = await treasury.lastSent();
  if (token === undefined) throw new Error('nothing was ever sent');
  return { json: { token }, text: token };
}

async function balance(treasury: Treasury): Promise<Answer> {
  const totals = await treasury.balance();
  const lines = totals.map(({ mint, sat }) => `${sat} sat at ${mint}`);
  return {
    json: { mints: totals.map(({ mint, sat }) => ({ mint, sat: Number(sat) })) },
    text: lines.length === 0 ? 'the treasury is empty' : lines.join('\n'),
  };
}

function wholeSat(written: string | undefined): bigint {
  if (written !== undefined && /^[1-9]\d{0,14}$/.test(written)) return BigInt(written);
  throw new UsageError('send needs a whole number of sat above 0');
}
