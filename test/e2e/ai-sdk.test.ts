import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import { expect, test } from 'vitest';

import type { ChatJson } from '../support/router-chat.ts';
import { costOf } from '../support/router-chat.ts';
import { MODEL, routerWorld } from '../support/router-world.ts';

test('the AI SDK streams a paid answer without a parse error, and the change of its last chunk is good money', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  const raw: Promise<string>[] = [];
  const provider = createOpenAICompatible({
    name: 'nutroute',
    baseURL: `${world.url}/v1`,
    apiKey: token,
    includeUsage: true,
    // What an application sees of the bytes; the SDK gets the very same.
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      raw.push(response.clone().text());
      return response;
    },
  });

  const errors: unknown[] = [];
  const result = streamText({
    model: provider(MODEL),
    prompt: 'Tell me a story',
    onError: ({ error }) => void errors.push(error),
  });
  const parts: string[] = [];
  for await (const part of result.stream) parts.push(part.type);

  expect(errors).toEqual([]);
  expect(parts).not.toContain('error');
  expect(await result.finishReason).toBe('stop');
  expect((await result.text).length).toBeGreaterThan(20);
  expect((await result.usage).outputTokens).toBeGreaterThan(0);
  expect(raw).toHaveLength(1);
  const last = lastChunkOf((await raw[0]) ?? '');
  const change = last.x_cashu ?? '';
  expect(costOf(last)).toBeGreaterThan(0);
  expect(await world.receive(change)).toBe(world.faceOf(change) - world.feeOf(change));
});

test('the AI SDK tells of an upstream that broke off, and the change is in the stream all the same', async () => {
  await using world = await routerWorld();
  world.model.behaveNext({ errorAfter: 5 });
  const raw: Promise<string>[] = [];
  const provider = createOpenAICompatible({
    name: 'nutroute',
    baseURL: `${world.url}/v1`,
    apiKey: world.fund(1000),
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      raw.push(response.clone().text());
      return response;
    },
  });

  const errors: unknown[] = [];
  const result = streamText({
    model: provider(MODEL),
    prompt: 'Tell me a story',
    onError: ({ error }) => void errors.push(error),
  });
  let text = '';
  for await (const part of result.stream) if (part.type === 'text-delta') text += part.text;

  expect(text.length).toBeGreaterThan(0);
  expect(errors).toHaveLength(1);
  expect(JSON.stringify(errors[0])).not.toContain('AI_TypeValidationError');
  const body = (await raw[0]) ?? '';
  const paid = eventsOf(body).find(({ x_cashu: change }) => change !== undefined);
  expect(await world.receive(paid?.x_cashu ?? '')).toBeGreaterThan(990_000);
});

function eventsOf(stream: string): readonly ChatJson[] {
  return stream
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)) as ChatJson);
}

function lastChunkOf(stream: string): ChatJson {
  const last = eventsOf(stream).at(-1);
  if (last === undefined) throw new Error('the stream has no chunk');
  return last;
}
