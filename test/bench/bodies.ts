/** The models that the router sells; the mock upstream does what they are named after. */
export type Model = 'json' | 'burst' | 'paced' | 'silent';

export const MODELS: readonly Model[] = ['json', 'burst', 'paced', 'silent'];

/** What a coding agent sends: prose and code, with the escapes that JSON makes of it. */
const PROSE = 'Please look at the function below and tell me why it fails for an empty list. ';
const CODE =
  'function last(items) {\n\tif (!items) return "none";\n\treturn items[items.length - 1];\n}\n';

/** A chat request of about `bytes` bytes. */
export function chatBody(model: Model, bytes: number): string {
  const stream = model === 'burst' || model === 'paced';
  const messages = [{ role: 'system', content: 'You are a careful reviewer of code.' }];
  const body = (): string =>
    JSON.stringify({ model, messages, ...(stream && { stream }), temperature: 0.2, user: 'bench' });
  for (let turn = 0; body().length < bytes; turn += 1) {
    const text = (turn % 2 === 0 ? PROSE + CODE : CODE + PROSE).repeat(bytes > 2_000 ? 8 : 1);
    const room = bytes - body().length - 60;
    messages.push({
      role: turn % 2 === 0 ? 'user' : 'assistant',
      content: text.slice(0, Math.max(1, room)),
    });
  }
  return body();
}

/** A prompt that is one long text. */
export function bodyOf(model: Model, content: string): string {
  return JSON.stringify({ model, messages: [{ role: 'user', content }], max_tokens: 16 });
}
