import { expect, test } from 'vitest';

import { RouterError } from '../../src/lib/errors.ts';
import { parseChatRequest } from '../../src/openai/chat-request.ts';
import { refusePriceBearing } from '../../src/openai/price-bearing.ts';
import { spliceBody } from '../../src/openai/splice.ts';

const MESSAGES = '"messages":[{"role":"user","content":"Hi"}]';
const NOTHING: ReadonlySet<string> = new Set();

/** A reader that keeps the first of two members of one name, as some parsers do. Only for JSON without objects in lists. */
function firstWins(json: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const members =
    /"((?:[^"\\]|\\.)*)"\s*:\s*(\[(?:[^\]])*\]|\{[^}]*\}|"(?:[^"\\]|\\.)*"|[^,}\s]+)/g;
  for (const [, key = '', value = ''] of json.matchAll(members)) {
    const name = JSON.parse(`"${key}"`) as string;
    found[name] ??= JSON.parse(value);
  }
  return found;
}

const lastWins = (json: string): Record<string, unknown> =>
  JSON.parse(json) as Record<string, unknown>;

/** What the router would send for this body with at most 7 tokens held; undefined where it refuses. */
function forwarded(body: string): string | undefined {
  try {
    const request = parseChatRequest(Buffer.from(body));
    refusePriceBearing(request, NOTHING);
    return spliceBody(request, {
      model: 'upstream-model',
      maxTokens: { field: 'max_tokens', value: 7 },
      includeUsage: request.stream,
    }).toString();
  } catch (error) {
    if (error instanceof RouterError) return undefined;
    throw error;
  }
}

test.each([
  ['a plain body', `{"model":"m",${MESSAGES}}`],
  ['both limits', `{"model":"m","max_tokens":900,"max_completion_tokens":800,${MESSAGES}}`],
  ['a limit of null', `{"model":"m","max_tokens":null,${MESSAGES}}`],
  ['an escaped limit', `{"model":"m","max_tok\\u0065ns":900,${MESSAGES}}`],
  ['an escaped model', `{"mod\\u0065l":"m",${MESSAGES}}`],
  ['spaces everywhere', `{ "model" :\n"m" , "max_tokens" :\t900 , ${MESSAGES} }`],
  [
    'a limit within a message',
    `{"model":"m","messages":[{"role":"user","content":"\\"max_tokens\\":1"}]}`,
  ],
  ['a stream', `{"model":"m","stream":true,"stream_options":{"include_usage":false},${MESSAGES}}`],
])('P4: %s is read alike by a first-wins and a last-wins upstream', (_, body) => {
  const sent = forwarded(body) ?? '';
  for (const read of [firstWins, lastWins]) {
    const json = read(sent);
    expect(json['model']).toBe('upstream-model');
    for (const limit of [json['max_tokens'], json['max_completion_tokens']])
      expect([undefined, 7]).toContain(limit);
    expect(json['max_tokens'] ?? json['max_completion_tokens']).toBe(7);
    if (json['stream'] === true) expect(json['stream_options']).toEqual({ include_usage: true });
  }
});

test.each([
  ['two limits of one name', `{"max_tokens":1,"max_tokens":90000,"model":"m",${MESSAGES}}`],
  ['the second one escaped', `{"max_tokens":1,"max_tok\\u0065ns":90000,"model":"m",${MESSAGES}}`],
  ['two models', `{"model":"m","model":"dear",${MESSAGES}}`],
  ['the second one escaped', `{"model":"m","mod\\u0065l":"dear",${MESSAGES}}`],
  ['two prompts', `{"model":"m",${MESSAGES},"messages":[{"role":"user","content":"long"}]}`],
  ['two choices counts', `{"n":1,"n":100,"model":"m",${MESSAGES}}`],
  [
    'a key twice further in',
    `{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}`,
  ],
  ['a limit in capitals', `{"Max_Tokens":90000,"model":"m",${MESSAGES}}`],
  ['other models', `{"models":["dear"],"model":"m",${MESSAGES}}`],
  ['a route', `{"route":"fallback","model":"m",${MESSAGES}}`],
  ['plugins', `{"plugins":[{"id":"web"}],"model":"m",${MESSAGES}}`],
  ['a service tier', `{"service_tier":"priority","model":"m",${MESSAGES}}`],
  ['web search', `{"web_search_options":{},"model":"m",${MESSAGES}}`],
  ['a prediction', `{"prediction":{"type":"content","content":"x"},"model":"m",${MESSAGES}}`],
  ['cache writes', `{"cache_control":{"type":"ephemeral","ttl":"1h"},"model":"m",${MESSAGES}}`],
  ['a server tool', `{"tools":[{"type":"web_search"}],"model":"m",${MESSAGES}}`],
  ['audio', `{"modalities":["text","audio"],"audio":{"voice":"x"},"model":"m",${MESSAGES}}`],
  [
    'llama.cpp’s own limit, which it obeys first',
    `{"n_predict":90000,"max_tokens":1,"model":"m",${MESSAGES}}`,
  ],
  ['llama.cpp’s own count of choices', `{"n_cmpl":100,"model":"m",${MESSAGES}}`],
  ['Hugging Face’s limit', `{"max_new_tokens":90000,"max_tokens":1,"model":"m",${MESSAGES}}`],
  [
    'a template that writes a prompt of its own',
    `{"chat_template":"{% for i in range(99999) %}a {% endfor %}","model":"m",${MESSAGES}}`,
  ],
  ['the size of images', `{"mm_processor_kwargs":{"min_pixels":99999999},"model":"m",${MESSAGES}}`],
  [
    'LiteLLM’s own fallbacks',
    `{"fallbacks":["dear"],"mock_testing_fallbacks":true,"model":"m",${MESSAGES}}`,
  ],
  [
    'its models for a long prompt',
    `{"context_window_fallbacks":[{"m":["dear"]}],"model":"m",${MESSAGES}}`,
  ],
  ['its second body', `{"extra_body":{"n":100,"max_tokens":90000},"model":"m",${MESSAGES}}`],
  ['another server', `{"api_base":"http://169.254.169.254","model":"m",${MESSAGES}}`],
  ['xAI’s live search', `{"search_parameters":{"mode":"on"},"model":"m",${MESSAGES}}`],
  ['Alibaba’s search', `{"enable_search":true,"model":"m",${MESSAGES}}`],
  ['best_of', `{"best_of":20,"model":"m",${MESSAGES}}`],
])('P4: %s is refused', (_, body) => {
  expect(forwarded(body)).toBeUndefined();
});
