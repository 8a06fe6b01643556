import { isRecord, parseJson } from '../json.ts';
import type { Answer, Choice } from './answer.ts';
import type { ChatRequest } from './chat-request.ts';
import type { Oddity } from './oddity.ts';

/** What every object of one answer has in common. */
export interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** The `chat.completion` object. */
export function completionBody(head: Head, answer: Answer, oddity: Oddity): object {
  return {
    ...head,
    object: 'chat.completion',
    choices: answer.choices.map((choice, index) => ({
      index,
      message: messageOf(choice),
      logprobs: null,
      ...(oddity.noFinish === true ? {} : { finish_reason: choice.finish }),
    })),
    ...(oddity.usage === 'none' ? {} : { usage: usageOf(answer, oddity) }),
    ...moneyOf(oddity),
  };
}

/** The `chat.completion.chunk` objects, in order; the choices of `n` interleave. */
export function completionChunks(
  head: Head,
  answer: Answer,
  request: ChatRequest,
  oddity: Oddity,
): readonly object[] {
  const sendsUsage = request.includeUsage && oddity.usage !== 'none';
  const common = {
    ...head,
    object: 'chat.completion.chunk',
    ...(sendsUsage ? { usage: null } : {}),
  };
  const chunks: object[] = [];
  for (const part of interleave(answer.choices.map(deltasOf))) {
    const choice = { index: part.index, delta: part.delta, logprobs: null, finish_reason: null };
    chunks.push({ ...common, choices: [choice] });
  }
  if (oddity.noFinish !== true) {
    chunks.push(...finishChunks(common, answer, oddity));
  }
  if (sendsUsage && oddity.usage !== 'last-content') {
    chunks.push({ ...common, choices: [], usage: usageOf(answer, oddity) });
  }
  return chunks.map((chunk, at) =>
    at === chunks.length - 1 ? { ...chunk, ...moneyOf(oddity) } : chunk,
  );
}

export function errorBody(
  message: string,
  type: string,
  fields: { readonly param?: string | null; readonly code?: string | null } = {},
): object {
  return { error: { message, type, param: fields.param ?? null, code: fields.code ?? null } };
}

function finishChunks(common: object, answer: Answer, oddity: Oddity): readonly object[] {
  return answer.choices.map(({ finish }, index) => {
    const isLast = index === answer.choices.length - 1;
    return {
      ...common,
      choices: [{ index, delta: {}, logprobs: null, finish_reason: finish }],
      ...(isLast && oddity.usage === 'last-content' ? { usage: usageOf(answer, oddity) } : {}),
    };
  });
}

function messageOf(choice: Choice): object {
  const call = choice.toolCall;
  return {
    role: 'assistant',
    content: call === undefined ? choice.text.join('') : null,
    refusal: null,
    ...(choice.reasoning.length > 0 ? { reasoning_content: choice.reasoning.join('') } : {}),
    ...(call === undefined
      ? {}
      : {
          tool_calls: [
            { id: call.id, type: 'function', function: { name: call.name, arguments: call.args } },
          ],
        }),
  };
}

/** Characters of tool arguments per chunk. */
const ARGUMENT_PIECE = 8;

function deltasOf(choice: Choice): readonly object[] {
  const call = choice.toolCall;
  if (call === undefined) {
    return [
      { role: 'assistant', content: '', refusal: null },
      ...choice.reasoning.map((piece) => ({ reasoning_content: piece })),
      ...choice.text.map((piece) => ({ content: piece })),
    ];
  }
  const start = {
    index: 0,
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: '' },
  };
  const pieces = call.args.match(new RegExp(`.{1,${ARGUMENT_PIECE}}`, 'gsu')) ?? [];
  return [
    { role: 'assistant', content: null, tool_calls: [start] },
    ...pieces.map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
  ];
}

function interleave(
  lists: readonly (readonly object[])[],
): readonly { readonly index: number; readonly delta: object }[] {
  const length = Math.max(...lists.map((list) => list.length));
  return Array.from({ length }, (_, turn) =>
    lists.flatMap((list, index) => {
      const delta = list[turn];
      return delta === undefined ? [] : [{ index, delta }];
    }),
  ).flat();
}

function usageOf(answer: Answer, oddity: Oddity): object {
  if (oddity.rawUsage !== undefined) {
    const raw = parseJson(oddity.rawUsage);
    return isRecord(raw) ? raw : {};
  }
  if (oddity.usage === 'insane') {
    return {
      prompt_tokens: -1,
      completion_tokens: 1e21,
      total_tokens: 0.5,
      prompt_tokens_details: { cached_tokens: 7 },
    };
  }
  return {
    prompt_tokens: answer.promptTokens,
    completion_tokens: answer.completionTokens,
    total_tokens: answer.promptTokens + answer.completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: answer.reasoningTokens, audio_tokens: 0 },
  };
}

function moneyOf(oddity: Oddity): object {
  return oddity.xCashu === undefined ? {} : { x_cashu: oddity.xCashu };
}
