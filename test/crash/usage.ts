import type { Lane } from './lane.ts';
import { MODELS, PROMPTS } from './models.ts';
import type { TokenUsage } from './models.ts';

export type UsageOf = (model: string, prompt: string) => TokenUsage;

/** What a whole answer of each model to each prompt uses, asked of the upstream itself. */
export async function learnUsage(lane: Lane): Promise<UsageOf> {
  const known = new Map<string, TokenUsage>();
  for (const { id } of MODELS) {
    for (const prompt of PROMPTS) known.set(`${id}/${prompt}`, await askUpstream(lane, id, prompt));
  }
  return (model, prompt) => known.get(`${model}/${prompt}`) ?? { input: 100, output: 200 };
}

async function askUpstream(lane: Lane, id: string, prompt: string): Promise<TokenUsage> {
  const attempts = MODELS.find((model) => model.id === id)?.attempts ?? [];
  const tokens = new URLSearchParams(attempts.at(-1)?.split('?')[1]).get('answerTokens') ?? '1';
  const response = await fetch(`${lane.model.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({
      model: `demo-model?answerTokens=${tokens}`,
      messages: [{ role: 'user', content: prompt }],
    }),
  });
  const { usage } = (await response.json()) as {
    usage: { prompt_tokens: number; completion_tokens: number };
  };
  return { input: usage.prompt_tokens, output: usage.completion_tokens };
}
