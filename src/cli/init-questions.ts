import { createInterface } from 'node:readline/promises';

import type { Arguments, Terminal } from './command.ts';

/** The answers as flags give them; the terminal's questions fill what is open. */
export type Answers = Pick<Arguments, 'text' | 'texts' | 'has'>;

/** Who has no upstream buys all that is sold. */
export const NO_UPSTREAM = 'none';

interface Question {
  readonly flag: string;
  readonly text: string;
  readonly fallback: string;
}

const UPSTREAM: Question = {
  flag: 'upstream',
  text: 'Base URL of your OpenAI-compatible upstream (none: sell only what other nodes sell)',
  fallback: 'http://127.0.0.1:11434/v1',
};
const API_KEY: Question = {
  flag: 'api-key-env',
  text: 'Environment variable that holds its key (empty: it needs none)',
  fallback: '',
};
const MODELS: Question = {
  flag: 'model',
  text: 'Models to sell, with commas between them (*: all it has)',
  fallback: '*',
};
const PRICE: Question = {
  flag: 'price',
  text: 'Prices: "list" (public list), "upstream" (its own), or IN/OUT in dollars per million tokens',
  fallback: 'list',
};
const MINT: Question = { flag: 'mint', text: 'URL of the Cashu mint to accept', fallback: '' };
const NAME: Question = { flag: 'name', text: 'Name of this node', fallback: 'nutroute' };

const DISCOVERY: Question = {
  flag: 'discovery',
  text: 'Find other nodes, buy from them and sell that on (yes or no)',
  fallback: 'no',
};
const ADDRESS: Question = {
  flag: 'url',
  text: 'Public address of this node, for others to find it (empty: it is not announced)',
  fallback: '',
};

/** Asks in the terminal for what the flags leave open. */
export async function askAnswers(flags: Answers, terminal: Terminal): Promise<Answers> {
  const answers = new Map<string, readonly string[]>();
  const readline = createInterface({ input: terminal.stdin, output: terminal.stdout });
  const ended = new Promise<never>((_resolve, reject) => {
    readline.once('close', () => {
      reject(new Error('stopped; nothing was written'));
    });
  });
  const put = async (question: Question): Promise<void> => {
    if (flags.text(question.flag) !== undefined) return;
    const suffix = question.fallback === '' ? '' : ` [${question.fallback}]`;
    const typed = await Promise.race([readline.question(`${question.text}${suffix}: `), ended]);
    const answer = typed.trim() === '' ? question.fallback : typed.trim();
    if (answer !== '') answers.set(question.flag, [answer]);
  };
  try {
    await put(UPSTREAM);
    const isSeller = (flags.text('upstream') ?? answers.get('upstream')?.[0]) !== NO_UPSTREAM;
    const asked = isSeller ? [API_KEY, MODELS, MINT, NAME] : [MINT, NAME];
    for (const question of asked) await put(question);
    if (isSeller && flags.text('price-input') === undefined) await put(PRICE);
    if (isSeller && !flags.has('discovery')) await put(DISCOVERY);
    await put(ADDRESS);
  } finally {
    // All is asked: that the terminal closes now is no news.
    ended.catch(() => undefined);
    readline.close();
  }
  spread(answers);
  const isTold = (flag: string): boolean => /^y/i.test(answers.get(flag)?.[0] ?? '');
  return {
    has: (flag) => flags.has(flag) || isTold(flag),
    text: (flag) => flags.text(flag) ?? answers.get(flag)?.at(-1),
    texts: (flag) => (flags.texts(flag).length > 0 ? flags.texts(flag) : (answers.get(flag) ?? [])),
  };
}

/** What is typed in one line stands for several flags. */
function spread(answers: Map<string, readonly string[]>): void {
  const models = answers.get('model')?.[0] ?? '*';
  answers.set('model', models === '*' ? [] : models.split(/[\s,]+/).filter((id) => id !== ''));
  const [, input, output] =
    /^([\d.]+)\s*\/\s*([\d.]+)$/.exec(answers.get('price')?.[0] ?? '') ?? [];
  if (input === undefined || output === undefined) return;
  answers.delete('price');
  answers.set('price-input', [input]);
  answers.set('price-output', [output]);
}
