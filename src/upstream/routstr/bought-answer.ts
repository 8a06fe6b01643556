import type { Cancel } from '../../lib/cancel.ts';
import { answerOf } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import type { UpstreamAnswer } from '../upstream.ts';
import { paidJson, paidStream } from './paid-body.ts';
import { receiptOfHeaders } from './receipt.ts';
import type { Receipt } from './receipt.ts';

/** How a bought answer ended. `failure`: it broke off, or was given up. */
export interface Ending {
  readonly receipt: Receipt;
  readonly failure: unknown;
}

/**
 * A 200 exchange as an answer. What it says of money is taken out of it; `onEnd` hears it once, when the answer has ended or
 * nobody wants it any more. Throws UpstreamFailure as `answerOf`, having told `onEnd`.
 */
export function boughtAnswer(
  exchange: Exchange,
  asksForStream: boolean,
  { cancel, onEnd }: { readonly cancel: Cancel; readonly onEnd: (ending: Ending) => void },
): UpstreamAnswer {
  const receipt = receiptOfHeaders(exchange.headers);
  const end = once((failure: unknown) => onEnd({ receipt, failure }));
  const answer = readAnswer(exchange, asksForStream, end);
  const body = answer.kind === 'stream' ? paidStream(receipt) : paidJson(receipt);
  let isRelayed = false;
  cancel.onCancel(() => {
    if (!isRelayed) end(new Error('nobody read the answer'));
  });
  return {
    kind: answer.kind,
    headers: answer.headers,
    async relay(onChunk) {
      isRelayed = true;
      try {
        await exchange.relay((chunk) => {
          const bytes = body.push(chunk);
          return bytes.length === 0 ? undefined : onChunk(bytes);
        });
        const rest = body.end();
        if (rest.length > 0) await onChunk(rest);
      } catch (error) {
        end(error);
        throw error;
      }
      end(undefined);
    },
  };
}

function readAnswer(
  exchange: Exchange,
  asksForStream: boolean,
  end: (failure: unknown) => void,
): UpstreamAnswer {
  try {
    return answerOf(exchange, asksForStream);
  } catch (error) {
    end(error);
    throw error;
  }
}

function once(act: (failure: unknown) => void): (failure: unknown) => void {
  let isDone = false;
  return (failure) => {
    if (isDone) return;
    isDone = true;
    act(failure);
  };
}
