import { readUsage } from '../metering/read-usage.ts';
import { spliceCompletion } from '../openai/completion.ts';
import { costFields } from '../openai/cost-fields.ts';
import type { CostFields } from '../openai/cost-fields.ts';
import { lastChunk } from '../openai/last-chunk.ts';
import { usageFields } from '../openai/usage-fields.ts';
import type { Settlement } from '../payment/rail.ts';
import { NO_USAGE } from '../tokens/usage.ts';
import type { Usage } from '../tokens/usage.ts';
import type { Delivery } from './delivery.ts';
import type { Sink } from './sink.ts';

/** Sends the last of the answer: what it cost, the change, and how it broke off, if it did. */
export function endAnswer(sink: Sink, delivery: Delivery, settlement: Settlement): void {
  const { answer, error } = delivery;
  if (answer === undefined) {
    if (error !== undefined) sink.fail(error, settlement);
    return;
  }
  const usage = delivery.usage ?? NO_USAGE;
  const cost = costOf(delivery, settlement);
  const { change } = settlement;
  if (answer.kind === 'stream') {
    const { meta, usage: said } = answer.tap;
    const end = { meta, usage: wireUsage(said, usage), cost, xCashu: change?.token, error };
    sink.endStream(lastChunk(end));
    return;
  }
  const { completion } = answer;
  const xCashu = change?.header === false ? change.token : undefined;
  const end = { usage: wireUsage(completion.usage, usage), cost, xCashu };
  sink.endJson(spliceCompletion(completion, end), settlement);
}

/** The upstream's own words where they say what was counted, else ours. */
function wireUsage(
  said: Readonly<Record<string, unknown>> | undefined,
  counted: Usage,
): Readonly<Record<string, unknown>> {
  const read = readUsage(said);
  const isCounted = read?.input === counted.input && read.output === counted.output;
  return said !== undefined && isCounted ? said : usageFields(counted);
}

function costOf({ offer }: Delivery, { charge, balance }: Settlement): CostFields {
  const usdPmsat = offer?.snapshot.usdPmsat;
  const usd = usdPmsat === undefined ? undefined : (Number(charge) * 1e12) / Number(usdPmsat);
  return costFields({ charge, balance, usd });
}
