import { createHash } from 'node:crypto';

/** Each word (with its leading space) and each mark is exactly one token of o200k_base, so a cut after n pieces is n tokens. */
const SENTENCES = [
  'The river is quiet this morning and the light is still low.',
  'A small coin can carry a great deal of trust.',
  'Every answer here is made of simple words, one token at a time.',
  'When the stream ends, the change comes back to you 😀.',
  'Nobody has to know your name to sell you a good answer.',
  'The mint signs what it cannot see, and that is enough.',
  'In 日本 they say that a long road starts with a small step.',
  'Count the words, pay for the words, and keep the rest.',
  'A machine that waits for money is still only a machine.',
  'Paper, silver and light → all of them have been money once.',
  'The old bridge was open and the water under it was green.',
  'If the line breaks, you only pay for what you have heard.',
].map((sentence) => ` ${sentence}`.match(/ [^ .,]+|[.,]/gu) ?? []);

/** Whole sentences of at least `tokens` tokens together, one token per piece; the same for the same seed. */
export function tellStory(seed: string, tokens: number): readonly string[] {
  const pieces: string[] = [];
  let order = createHash('sha256').update(seed).digest();
  for (let turn = 0; pieces.length < tokens; turn++) {
    const byte = order[turn % order.length] ?? 0;
    pieces.push(...(SENTENCES[byte % SENTENCES.length] ?? []));
    if (turn % order.length === order.length - 1) {
      order = createHash('sha256').update(order).digest();
    }
  }
  const first = pieces[0];
  if (first !== undefined) pieces[0] = first.trimStart();
  return pieces;
}
