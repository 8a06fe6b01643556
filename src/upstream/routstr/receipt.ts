import type { IncomingHttpHeaders } from 'node:http';

import { readUsage } from '../../metering/read-usage.ts';
import type { ReportedUsage } from '../../metering/read-usage.ts';
import { isObject, objectsOf } from '../../openai/json-object.ts';
import type { JsonObject } from '../../openai/json-object.ts';
import { headerOf } from '../headers.ts';
import { cashuToken, msatOf } from './node-client.ts';

/** What a node's answer says of its payment. All of it are only claims. */
export interface Receipt {
  /** How far the answer has come. */
  course: Course;
  /** As the router counts it, too: the last one before the end of the answer. */
  usage: ReportedUsage | undefined;
  chargedMsat: bigint | undefined;
  /** A change token. */
  change: string | undefined;
}

/** `done`: the stream says that it is over. `refused`: it is no answer at all. `broken`: an error within it. */
export type Course = 'unseen' | 'begun' | 'finished' | 'done' | 'refused' | 'broken';

const OVER: ReadonlySet<Course> = new Set(['done', 'refused', 'broken']);

/** Reads the answer's headers. Both names of the charge are in use. */
export function receiptOfHeaders(headers: IncomingHttpHeaders): Receipt {
  const said =
    headerOf(headers, 'x-routstr-cost-msats') ?? headerOf(headers, 'x-nutroute-cost-msat');
  return {
    course: 'unseen',
    usage: undefined,
    chargedMsat: said !== undefined && /^\d{1,15}$/.test(said) ? BigInt(said) : undefined,
    change: cashuToken(headerOf(headers, 'x-cashu')),
  };
}

/** Adds what an answer's JSON, or a chunk of a stream, says. What comes later counts; of usage, until the answer is over. */
export function addToReceipt(receipt: Receipt, json: JsonObject, event?: string): void {
  receipt.chargedMsat = chargeIn(json) ?? receipt.chargedMsat;
  receipt.change = cashuToken(json['x_cashu']) ?? receipt.change;
  if (OVER.has(receipt.course)) return;
  receipt.course = courseAfter(receipt.course, json, event);
  const { usage } = json;
  if (OVER.has(receipt.course)) receipt.usage = undefined;
  else if (isObject(usage)) receipt.usage = readUsage(usage);
}

function courseAfter(course: Course, json: JsonObject, event: string | undefined): Course {
  const { error, choices } = json;
  const isUnseen = course === 'unseen';
  const isError = event === 'error' || (error !== undefined && error !== null);
  if (isError || (isUnseen && !Array.isArray(choices))) return isUnseen ? 'refused' : 'broken';
  const isFinished = objectsOf(choices).some(
    (choice) => typeof choice['finish_reason'] === 'string',
  );
  if (isFinished) return 'finished';
  return isUnseen ? 'begun' : course;
}

/** The stream says that it is over. */
export function endReceipt(receipt: Receipt): void {
  if (!OVER.has(receipt.course)) receipt.course = receipt.course === 'unseen' ? 'refused' : 'done';
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
