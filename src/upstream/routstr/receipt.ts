import type { IncomingHttpHeaders } from 'node:http';

import { readUsage } from '../../metering/read-usage.ts';
import type { ReportedUsage } from '../../metering/read-usage.ts';
import { isObject } from '../../openai/json-object.ts';
import type { JsonObject } from '../../openai/json-object.ts';
import { headerOf } from '../headers.ts';
import { cashuToken, msatOf } from './node-client.ts';

/** What a node's answer says of its payment. All of it are only claims. */
export interface Receipt {
  usage: ReportedUsage | undefined;
  chargedMsat: bigint | undefined;
  /** A change token. */
  change: string | undefined;
}

/** Reads the answer's headers. Both names of the charge are in use. */
export function receiptOfHeaders(headers: IncomingHttpHeaders): Receipt {
  const said =
    headerOf(headers, 'x-routstr-cost-msats') ?? headerOf(headers, 'x-nutroute-cost-msat');
  return {
    usage: undefined,
    chargedMsat: said !== undefined && /^\d{1,15}$/.test(said) ? BigInt(said) : undefined,
    change: cashuToken(headerOf(headers, 'x-cashu')),
  };
}

/** Adds what an answer's JSON, or a chunk of a stream, says. What comes later counts. */
export function addToReceipt(receipt: Receipt, json: JsonObject): void {
  receipt.usage = readUsage(json['usage']) ?? receipt.usage;
  receipt.chargedMsat = chargeIn(json) ?? receipt.chargedMsat;
  receipt.change = cashuToken(json['x_cashu']) ?? receipt.change;
}

/** `usage.cost.total_msats` of both, else core's other places; `cost_sats` last, because core rounds it up. */
function chargeIn(json: JsonObject): bigint | undefined {
  const usage = objectAt(json, 'usage');
  const blocks = [
    objectAt(usage, 'cost'),
    objectAt(json, 'cost'),
    objectAt(objectAt(objectAt(json, 'metadata'), 'routstr'), 'cost'),
  ];
  for (const block of blocks) {
    const said = msatOf(block['total_msats']);
    if (said !== undefined) return said;
  }
  const sats = usage['cost_sats'];
  return typeof sats === 'number' ? msatOf(Math.round(sats * 1000)) : undefined;
}

function objectAt(json: JsonObject, key: string): JsonObject {
  const value = json[key];
  return isObject(value) ? value : {};
}
