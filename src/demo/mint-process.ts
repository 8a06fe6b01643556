import { parseArgs } from 'node:util';

import { serveControl } from './control-server.ts';
import type { Commands } from './control-server.ts';
import { countOf, listOf, textOf } from './json.ts';
import type { JsonRecord } from './json.ts';
import { startMint } from './mint.ts';
import type { DemoMint, MintOptions } from './mint.ts';
import { parseFault } from './mint/fault-form.ts';

const OUTCOMES = ['paid', 'failed', 'pending'] as const;

/**
 * A demo mint as a process of its own: `node mint-process.ts [--port N] [--control N] [--state FILE] [--fee PPK] [--seed TEXT]
 * [--unit UNIT]... [--cache-ttl S] [--public-url URL] [--auto-pay] [--fsync]`. Prints `{"url","control"}` when it listens; SIGTERM ends it.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    control: { type: 'string', default: '0' },
    state: { type: 'string' },
    fee: { type: 'string', default: '0' },
    seed: { type: 'string' },
    unit: { type: 'string', multiple: true, default: ['sat'] },
    'cache-ttl': { type: 'string' },
    'public-url': { type: 'string' },
    'auto-pay': { type: 'boolean', default: false },
    fsync: { type: 'boolean', default: false },
  },
});

const options: MintOptions = {
  port: Number(values.port),
  units: values.unit,
  inputFeePpk: Number(values.fee),
  autoPay: values['auto-pay'],
  fsync: values.fsync,
  ...(values.state === undefined ? {} : { stateFile: values.state }),
  ...(values.seed === undefined ? {} : { seed: values.seed }),
  ...(values['public-url'] === undefined ? {} : { publicUrl: values['public-url'] }),
  ...(values['cache-ttl'] === undefined ? {} : { cacheTtlS: Number(values['cache-ttl']) }),
};
const mint = await startMint(options);
const control = await serveControl(commandsOf(mint), Number(values.control));
process.once('SIGTERM', () => {
  void Promise.all([mint.close(), control.close()]);
});
console.log(JSON.stringify({ url: mint.url, control: control.url }));

/** Named as the methods of `MintControl`; their parameters are fields. */
function commandsOf(mint: DemoMint): Commands {
  return {
    pay: (from) => mint.pay(needText(from, 'quoteId')),
    settleMelt(from) {
      const outcome = OUTCOMES.find((known) => known === from['outcome']);
      if (outcome === undefined) throw new RangeError('outcome is missing');
      mint.settleMelt(needText(from, 'quoteId'), outcome);
    },
    invoice: (from) => mint.invoice(needCount(from, 'amount'), textOf(from['unit'])),
    rotate: (from) => mint.rotate(textOf(from['unit']), countOf(from['feePpk'])),
    faucet(from) {
      const amounts = listOf(from['amounts'])?.flatMap((amount) => countOf(amount) ?? []);
      return mint.faucet(needCount(from, 'amount'), textOf(from['unit']), amounts);
    },
    addFault: (from) => mint.addFault(parseFault(from)),
    clearFaults: () => mint.clearFaults(),
    releaseStuck: () => mint.releaseStuck(),
    calls: () => mint.calls(),
    callCount: (from) => mint.callCount(textOf(from['path'])),
    clearCalls: () => mint.clearCalls(),
    books: (from) => mint.books(textOf(from['unit'])),
    spentYs: () => mint.spentYs(),
    signedOutputs: () => mint.signedOutputs(),
  };
}

function needText(from: JsonRecord, field: string): string {
  const text = textOf(from[field]);
  if (text === undefined) throw new RangeError(`${field} is missing`);
  return text;
}

function needCount(from: JsonRecord, field: string): number {
  const count = countOf(from[field]);
  if (count === undefined) throw new RangeError(`${field} is missing`);
  return count;
}
