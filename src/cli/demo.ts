import { loadSettings } from '../config.ts';
import { paidChat, QUESTION, withoutDleq } from '../demo/receipt.ts';
import type { Receipt } from '../demo/receipt.ts';
import { DEMO_MODEL, startWorld } from '../demo/world.ts';
import type { World } from '../demo/world.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { OK } from './command.ts';
import { tokenToTry } from './demo-token.ts';
import { createLog } from './log.ts';
import { stopSignal } from './stop-signal.ts';

export const demo: Command = {
  name: 'demo',
  positionals: '',
  maxPositionals: 0,
  summary: 'A whole little world on this machine, and one paid request through it',
  flags: {
    once: { type: 'boolean', help: 'stop when the balance sheet is printed' },
    network: {
      type: 'boolean',
      help: 'nodes that announce themselves, and a router that buys there',
    },
  },
  details:
    'Starts a mint, a model and a router on loopback, pays for one streamed chat and shows where every\n' +
    'sat went. In a terminal it stays up until Ctrl-C, so that what it printed can be tried.',
  async run(args, terminal) {
    // The demo tells its story on stdout; only what fails is logged, on stderr. Its home is gone with it, so no word of seeds.
    const log = createLog('error', { ...terminal, stdout: terminal.stderr }, true);
    const address = await addressOf(args);
    const stays = terminal.stdout.isTTY === true && !args.has('once') && !args.json;
    if (args.has('network')) {
      const { demoNetwork } = await import('./demo-network.ts');
      return demoNetwork({ log, ...address, json: args.json, terminal, stays });
    }
    const world = await startWorld({ log, ...address });
    try {
      const token = await withoutDleq(world.mint.faucet(1000), world);
      if (args.json) await printJson(world, token, terminal);
      else await tell(world, token, terminal);
      if (stays) {
        terminal.stdout.write('\nStill running, so that you can try the above. Ctrl-C ends it.\n');
        await stopSignal();
      }
      return OK;
    } finally {
      await world.stop();
    }
  },
};

/** The usual port where it is free, else any: a demo should run beside a router. */
async function addressOf(args: Arguments): Promise<{ host: string; port: number }> {
  const { host, port } = loadSettings(args.sources);
  if (args.text('port') !== undefined || (await isFree(host, port))) return { host, port };
  return { host, port: 0 };
}

async function isFree(host: string, port: number): Promise<boolean> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

async function printJson(world: World, token: string, terminal: Terminal): Promise<void> {
  const { received: _coins, ...receipt } = await paidChat(world, () => undefined);
  const urls = { router: `${world.router.url}/v1`, mint: world.mint.url };
  terminal.stdout.write(`${JSON.stringify({ ...urls, model: DEMO_MODEL, token, receipt })}\n`);
}

async function tell(world: World, token: string, terminal: Terminal): Promise<void> {
  const say = (text: string): void => {
    terminal.stdout.write(text);
  };
  say(introduction(world, token));
  say(`--- One paid, streamed chat, through the official OpenAI SDK ---\n\n> ${QUESTION}\n\n`);
  const receipt = await paidChat(world, say);
  say(`\n\n${balanceSheet(receipt)}`);
}

function introduction(world: World, token: string): string {
  const baseUrl = `${world.router.url}/v1`;
  return `nutroute demo: a mint, a model and a router, all on this machine.

  router  ${baseUrl}
  mint    ${world.mint.url}
  model   ${DEMO_MODEL}

${tokenToTry(baseUrl, token)}
With the OpenAI SDK:

import OpenAI from 'openai';
const client = new OpenAI({ baseURL: '${baseUrl}', apiKey: process.env.TOKEN });
const answer = await client.chat.completions.create({
  model: '${DEMO_MODEL}',
  messages: [{ role: 'user', content: 'Hello' }],
});
console.log(answer.choices[0].message.content);

`;
}

function balanceSheet(receipt: Receipt): string {
  const rows: readonly (readonly [string, number])[] = [
    ['cost of the answer', receipt.costMsat],
    ['change, sent with the answer', receipt.changeMsat],
    ["the mint's fee for the swap", receipt.mintFeeMsat],
    ['left on the account (under 1 sat)', receipt.dustMsat],
  ];
  const sum = rows.reduce((total, [, msat]) => total + msat, 0);
  return `--- Balance sheet (sat) ---

${line('paid with a token', receipt.paidMsat)}
${rows.map(([name, msat]) => line(`  ${name}`, msat)).join('\n')}
${line('sum of these', sum)}${sum === receipt.paidMsat ? '   exact, to the msat' : '   DOES NOT ADD UP'}

${receipt.promptTokens} prompt and ${receipt.completionTokens} completion tokens in ${receipt.chunks} chunks.
An independent wallet received the change: ${sat(receipt.receivedMsat)} sat after the mint's fee.
`;
}

function line(name: string, msat: number): string {
  return `${name.padEnd(38)}${sat(msat).padStart(12)}`;
}

function sat(msat: number): string {
  return (msat / 1000).toFixed(3);
}
