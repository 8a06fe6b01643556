import { readUsage } from '../metering/read-usage.ts';
import { readCompletion } from '../openai/completion.ts';
import type { Completion } from '../openai/completion.ts';
import { WireError } from '../openai/wire-error.ts';
import type { Usage } from '../tokens/usage.ts';
import type { UpstreamAnswer } from '../upstream/upstream.ts';
import { noAnswer } from './trial.ts';
import type { Outcome, Trial } from './trial.ts';
import type { Work } from './work.ts';

/** Reads an answer in one piece. Nothing reaches the payer before it is complete and settled. */
export async function relayJson(
  work: Work,
  trial: Trial,
  answer: UpstreamAnswer,
): Promise<Outcome> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    await answer.relay((chunk) => {
      size += chunk.length;
      if (size > work.parts.limits.answerBytes) trial.stop.cancel();
      else pieces.push(chunk);
      return undefined;
    });
    const completion = readCompletion(Buffer.concat(pieces));
    if (completion.error !== undefined) return noAnswer('the answer is an error');
    const usage = await usageOf(trial, completion);
    return { kind: 'ended', usage, error: undefined, answer: { kind: 'json', completion } };
  } catch (error) {
    if (size > work.parts.limits.answerBytes) {
      return noAnswer('the answer is too large', error);
    }
    if (error instanceof WireError) return noAnswer(error.message, error);
    throw error;
  }
}

async function usageOf({ meter }: Trial, completion: Completion): Promise<Usage> {
  const said = readUsage(completion.usage);
  if (said === undefined || said.input === 0 || said.output === 0) {
    for (const text of completion.texts()) meter.relayed(0, 'content', text);
  }
  meter.reported(completion.usage);
  return meter.usage();
}
