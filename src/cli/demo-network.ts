import { bothFound, chatWith, settleHops, sheetOf } from '../demo/network-story.ts';
import type { FoundNode, Hop, NetworkSheet } from '../demo/network-story.ts';
import { startNetwork } from '../demo/network.ts';
import type { Network } from '../demo/network.ts';
import { QUESTION, withoutDleq } from '../demo/receipt.ts';
import type { Receipt } from '../demo/receipt.ts';
import type { Log } from '../lib/log.ts';
import { FAILED, OK } from './command.ts';
import type { Terminal } from './command.ts';
import { tokenToTry } from './demo-token.ts';
import { stopSignal } from './stop-signal.ts';
import { tableOf } from './table.ts';

/** Everything that the story showed. */
interface Story {
  readonly nodes: readonly FoundNode[];
  readonly receipts: readonly Receipt[];
  readonly hops: readonly Hop[];
  readonly sheet: NetworkSheet;
}

export interface NetworkDemoOptions {
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  readonly json: boolean;
  readonly terminal: Terminal;
  /** It stays up in the end, to be tried. */
  readonly stays: boolean;
}

/** Two nodes that sell, a relay, a router that finds and buys, and a payer. Exit 1 when the sheet does not add up. */
export async function demoNetwork(options: NetworkDemoOptions): Promise<number> {
  const { terminal, json } = options;
  const say = (text: string): void => {
    if (!json) terminal.stdout.write(text);
  };
  const network = await startNetwork(options);
  try {
    const story = await tell(network, say, options.log);
    if (json) terminal.stdout.write(`${JSON.stringify(jsonOf(network, story))}\n`);
    if (options.stays) await letTry(network, terminal);
    return addsUp(story.sheet) ? OK : FAILED;
  } finally {
    await network.stop();
  }
}

async function letTry({ mint, router }: Network, terminal: Terminal): Promise<void> {
  const token = await withoutDleq(mint.faucet(1000), { mint, router: router.app });
  const hint = tokenToTry(`${router.app.url}/v1`, token);
  terminal.stdout.write(`\nStill running. ${hint}\nCtrl-C ends it.\n`);
  await stopSignal();
}

async function tell(network: Network, say: (text: string) => void, log: Log): Promise<Story> {
  say(introduction(network));
  const nodes = await bothFound(network);
  say(
    `--- Found on the relay, checked, and trusted as far as strangers are ---\n\n${nodesTable(nodes)}\n`,
  );

  say(`--- A paid chat: the cheap node is chosen ---\n\n> ${QUESTION}\n\n`);
  const first = await chatWith(network, say);
  say(`\n\n${toldOf(first, nodes)}\n`);

  network.flaky.model.behave({ status: 503 });
  say('--- The cheap node fails: the same payment is served by the steady one ---\n\n');
  const second = await chatWith(network, say);
  say(`\n\n${toldOf(second, nodes)}\n`);

  const receipts = [first, second];
  const hops = await settleHops(network);
  say(`--- The second hop: what the router bought, in sat ---\n\n${hopsTable(hops)}\n`);
  const sheet = await sheetOf(network, receipts, log);
  say(sheetText(sheet));
  return { nodes, receipts, hops, sheet };
}

function introduction({ mint, relay, router, flaky, steady }: Network): string {
  return `nutroute demo --network: two nodes that sell, a relay, a router that buys from them, and a payer. All on this machine.

  relay    ${relay.url}
  mint     ${mint.url}
  node     ${flaky.app.url}  ${flaky.name}
  node     ${steady.app.url}  ${steady.name}
  router   ${router.app.url}/v1  has no model and knows no node; finds both by their announcements

`;
}

function nodesTable(nodes: readonly FoundNode[]): string {
  const columns = [
    { head: 'node' },
    { head: 'name' },
    { head: 'asks for output, sat/M', right: true },
    { head: 'trust' },
    { head: 'at risk at most, sat', right: true },
  ];
  const rows = nodes.map(({ id, name, trust, capSat, outputSat }) => [
    id,
    name,
    String(outputSat),
    trust,
    String(capSat),
  ]);
  return tableOf(columns, rows);
}

function toldOf(receipt: Receipt, nodes: readonly FoundNode[]): string {
  const { provider, paidMsat, costMsat, changeMsat, receivedMsat } = receipt;
  const name = nodes.find(({ id }) => id === provider)?.name ?? 'nobody';
  return (
    `answered by ${name}: cost ${sat(costMsat)} of ${sat(paidMsat)} sat, ` +
    `change ${sat(changeMsat)} in the last chunk (${sat(receivedMsat)} after the mint's fee)\n`
  );
}

function hopsTable(hops: readonly Hop[]): string {
  const columns = [
    { head: 'node' },
    { head: 'given', right: true },
    { head: 'charged', right: true },
    { head: 'returned as change', right: true },
    { head: 'mint fees and dust', right: true },
  ];
  const rows = hops.map(({ node, depositedMsat, chargedMsat, returnedMsat, lostMsat }) => [
    node,
    sat(depositedMsat),
    sat(chargedMsat),
    sat(returnedMsat),
    sat(lostMsat),
  ]);
  return tableOf(columns, rows);
}

function sheetText(sheet: NetworkSheet): string {
  const rows = sheet.holders.map(({ who, sat: amount }) => line(`  ${who}`, amount)).join('\n');
  const verdict = addsUp(sheet) ? 'exact' : 'DOES NOT ADD UP';
  return `--- Balance sheet of all five (sat) ---

${rows}
${line('together', sheet.sumSat)}

${line('the mint issued', sheet.issuedSat)}
${line('and took in fees', sheet.mintFeesSat)}
${line('so there must be', sheet.issuedSat - sheet.mintFeesSat)}   ${verdict}
`;
}

function addsUp({ sumSat, issuedSat, mintFeesSat, outstandingSat }: NetworkSheet): boolean {
  return sumSat === outstandingSat && sumSat === issuedSat - mintFeesSat;
}

/** Coins are money: they are not printed. */
function jsonOf({ relay, mint, router, flaky, steady }: Network, story: Story): object {
  const urls = {
    relay: relay.url,
    mint: mint.url,
    [flaky.name]: flaky.app.url,
    [steady.name]: steady.app.url,
    router: router.app.url,
  };
  const receipts = story.receipts.map(({ received: _coins, ...receipt }) => receipt);
  return { urls, ...story, receipts, addsUp: addsUp(story.sheet) };
}

function line(name: string, amount: number): string {
  return `${name.padEnd(38)}${String(amount).padStart(8)}`;
}

function sat(msat: number): string {
  return (msat / 1000).toFixed(3);
}
