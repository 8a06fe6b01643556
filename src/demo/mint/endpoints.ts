import type { MintCore } from './core.ts';
import type { MeltQuotes } from './melt-quotes.ts';
import { MintError, ShapeError } from './mint-error.ts';
import { MAX_AMOUNT } from './mint-quotes.ts';
import type { MintQuotes } from './mint-quotes.ts';
import { sumOf } from './transaction.ts';
import {
  MAX_ARRAY,
  parseBody,
  parseInputs,
  parseOutputs,
  parseTexts,
  signatureBody,
} from './wire.ts';

/** One endpoint: takes the parsed body and the last part of the path, answers with a JSON body. */
export type Endpoint = (body: unknown, parameter: string) => object;

/** Every endpoint by method and path; `*` is the parameter. */
export function mintEndpoints(parts: {
  readonly core: MintCore;
  readonly mintQuotes: MintQuotes;
  readonly meltQuotes: MeltQuotes;
  readonly cacheTtlS: number | undefined;
}): ReadonlyMap<string, Endpoint> {
  const { core, mintQuotes, meltQuotes } = parts;
  return new Map<string, Endpoint>([
    ['GET /v1/info', () => mintInfo(core, parts.cacheTtlS)],
    ['GET /v1/keys', () => ({ keysets: keysOf(core, (keyset) => keyset.active) })],
    [
      'GET /v1/keys/*',
      (_, id) => {
        const keysets = keysOf(core, (keyset) => keyset.id === id);
        if (keysets.length === 0) throw new MintError('unknownKeyset', 'unknown keyset');
        return { keysets };
      },
    ],
    ['GET /v1/keysets', () => listKeysets(core)],
    ['POST /v1/swap', (body) => swap(core, body)],
    ['POST /v1/checkstate', (body) => checkStates(core, body)],
    ['POST /v1/restore', (body) => restore(core, body)],
    ['POST /v1/mint/quote/bolt11', (body) => mintQuotes.create(body)],
    ['GET /v1/mint/quote/bolt11/*', (_, id) => mintQuotes.get(id)],
    ['POST /v1/mint/bolt11', (body) => mintQuotes.mint(body)],
    ['POST /v1/melt/quote/bolt11', (body) => meltQuotes.create(body)],
    ['GET /v1/melt/quote/bolt11/*', (_, id) => meltQuotes.get(id)],
    ['POST /v1/melt/bolt11', (body) => meltQuotes.melt(body)],
  ]);
}

/** NUT-07 state of a proof by its Y. */
export function proofStateBody(core: MintCore, Y: string): object {
  const spent = core.state.spent.get(Y);
  const unspent = core.state.pending.has(Y) ? 'PENDING' : 'UNSPENT';
  return {
    Y,
    state: spent === undefined ? unspent : 'SPENT',
    witness: spent?.witness ?? null,
  };
}

function swap(core: MintCore, value: unknown): object {
  const body = parseBody(value);
  const inputs = parseInputs(body['inputs']);
  const outputs = parseOutputs(body['outputs']);
  const checked = core.transactions.checkInputs({ inputs, outputs });
  const unit = core.transactions.checkOutputs(outputs);
  if (unit !== checked.unit) throw new MintError('otherUnit', 'inputs and outputs differ in unit');
  if (checked.sum - checked.fee !== sumOf(outputs)) {
    throw new MintError('unbalanced', 'inputs, fees and outputs do not balance');
  }
  const signed = core.transactions.sign(outputs);
  const flow = { unit, paidIn: 0, paidOut: 0, fees: checked.fee };
  core.state.commit({ spent: checked.proofs, signed, flow });
  return { signatures: signed.map(signatureBody) };
}

function checkStates(core: MintCore, value: unknown): object {
  const Ys = parseTexts(parseBody(value)['Ys'], 'Ys');
  if (!Ys.every((Y) => /^0[23][0-9a-f]{64}$/.test(Y))) throw new ShapeError('Ys must be points');
  return { states: Ys.map((Y) => proofStateBody(core, Y)) };
}

function restore(core: MintCore, value: unknown): object {
  const outputs = parseOutputs(parseBody(value)['outputs']);
  const known = outputs.flatMap((output) => core.state.signed.get(output.B_) ?? []);
  return {
    outputs: known.map(({ amount, id, B_ }) => ({ amount, id, B_ })),
    signatures: known.map(signatureBody),
  };
}

function keysOf(
  core: MintCore,
  wanted: (keyset: { readonly id: string; readonly active: boolean }) => boolean,
): readonly object[] {
  const keysets = [...core.keysets.values()].filter(wanted);
  return keysets.map(({ id, unit, active, feePpk, publicKeys }) => ({
    id,
    unit,
    active,
    input_fee_ppk: feePpk,
    keys: publicKeys,
  }));
}

function listKeysets(core: MintCore): object {
  const keysets = [...core.keysets.values()];
  return {
    keysets: keysets.map(({ id, unit, active, feePpk }) => ({
      id,
      unit,
      active,
      input_fee_ppk: feePpk,
    })),
  };
}

function mintInfo(core: MintCore, cacheTtlS: number | undefined): object {
  const units = [...new Set([...core.keysets.values()].map(({ unit }) => unit))];
  const limits = { method: 'bolt11', min_amount: 1, max_amount: MAX_AMOUNT };
  const commands = ['bolt11_mint_quote', 'bolt11_melt_quote', 'proof_state'];
  const cached = ['/v1/mint/bolt11', '/v1/swap', '/v1/melt/bolt11'];
  return {
    name: 'nutroute demo mint',
    pubkey: firstKey(core),
    version: 'nutroute-demo/1',
    description: 'Play money: its Lightning is not real.',
    time: core.nowS(),
    max_array_length: MAX_ARRAY,
    nuts: {
      4: {
        methods: units.map((unit) => ({ ...limits, unit, options: { description: true } })),
        disabled: false,
      },
      5: { methods: units.map((unit) => ({ ...limits, unit })), disabled: false },
      ...Object.fromEntries([7, 8, 9, 10, 11, 12, 20].map((nut) => [nut, { supported: true }])),
      17: { supported: units.map((unit) => ({ method: 'bolt11', unit, commands })) },
      ...(cacheTtlS === undefined
        ? {}
        : {
            19: {
              ttl: cacheTtlS,
              cached_endpoints: cached.map((path) => ({ method: 'POST', path })),
            },
          }),
    },
  };
}

function firstKey(core: MintCore): string | undefined {
  const [keyset] = core.keysets.values();
  return keyset?.publicKeys['1'];
}
