/** Where in an answer a text stands. `tool`: names and arguments of tool calls. */
export type TextKind = 'content' | 'reasoning' | 'refusal' | 'tool';

/** Counts the tokens of all `texts` together. */
export type CountTokens = (texts: readonly string[]) => Promise<number>;

/** Tokens of an answer; `reasoning` is part of `output`. */
export interface CountedOutput {
  readonly output: number;
  readonly reasoning: number;
}

/** The texts of one answer, counted when somebody asks: each once, however finely it was cut into chunks. */
export interface RelayedText {
  readonly isEmpty: boolean;
  /** Adds the next piece of a text of choice `choice`. */
  add(choice: number, kind: TextKind, piece: string): void;
  /** No count of what was added can be higher: a token has at least one byte. Free. */
  atMost(): number;
  /** Counts all that was added until its turn comes. Rejects when `count` does; nothing is lost then. */
  count(): Promise<CountedOutput>;
}

/** A text that still grows. Kept from the last word on, because a token can reach into what follows. */
interface Growing {
  readonly isReasoning: boolean;
  text: string;
}

/** Beyond so much uncounted text (UTF-16 units) a byte counts as a token. Nobody lets an answer run so long uncounted. */
const MAX_UNCOUNTED_LENGTH = 4_000_000;

/** Choices times kinds; an upstream that makes up more has their bytes counted. */
const MAX_TEXTS = 512;

/** A word longer than this is cut where it ends now, which may cost one token. */
const MAX_WORD_LENGTH = 1_024;

export function createRelayedText(count: CountTokens): RelayedText {
  const growing = new Map<string, Growing>();
  const counted = { answer: 0, reasoning: 0 };
  let uncountedLength = 0;
  let uncountedBytes = 0;
  let counting: Promise<unknown> = Promise.resolve();

  const growingOf = (choice: number, kind: TextKind): Growing | undefined => {
    const key = `${choice} ${kind}`;
    const known = growing.get(key);
    if (known !== undefined || growing.size >= MAX_TEXTS) return known;
    const fresh: Growing = { isReasoning: kind === 'reasoning', text: '' };
    growing.set(key, fresh);
    return fresh;
  };

  const countNow = async (): Promise<CountedOutput> => {
    const parts = [...growing.values()].map((text) => ({ text, ...splitAtLastWord(text.text) }));
    const tokensOf = (which: 'closed' | 'open', isReasoning: boolean): Promise<number> => {
      const texts = parts.filter(({ text }) => text.isReasoning === isReasoning);
      const nonEmpty = texts.map((part) => part[which]).filter((piece) => piece !== '');
      return nonEmpty.length === 0 ? Promise.resolve(0) : count(nonEmpty);
    };
    const [answer, reasoning, openAnswer, openReasoning] = await Promise.all([
      tokensOf('closed', false),
      tokensOf('closed', true),
      tokensOf('open', false),
      tokensOf('open', true),
    ]);
    for (const { text, closed } of parts) {
      text.text = text.text.slice(closed.length);
      uncountedLength -= closed.length;
      uncountedBytes -= Buffer.byteLength(closed);
    }
    counted.answer += answer;
    counted.reasoning += reasoning;
    const allReasoning = counted.reasoning + openReasoning;
    return { output: counted.answer + openAnswer + allReasoning, reasoning: allReasoning };
  };

  const relayed = {
    isEmpty: true,
    add(choice: number, kind: TextKind, piece: string) {
      if (piece === '') return;
      relayed.isEmpty = false;
      const bytes = Buffer.byteLength(piece);
      const text = growingOf(choice, kind);
      if (text === undefined || uncountedLength + piece.length > MAX_UNCOUNTED_LENGTH) {
        counted[kind === 'reasoning' ? 'reasoning' : 'answer'] += bytes;
        return;
      }
      text.text += piece;
      uncountedLength += piece.length;
      uncountedBytes += bytes;
    },
    atMost: () => counted.answer + counted.reasoning + uncountedBytes,
    count() {
      // One at a time: two counts of the same text would both be added.
      const mine = counting.then(countNow, countNow);
      counting = mine;
      return mine;
    },
  };
  return relayed;
}

/**
 * `closed` can be counted for good: no token of the known vocabularies reaches over a space that follows a visible character,
 * so its tokens stay the same whatever comes after.
 */
function splitAtLastWord(text: string): { closed: string; open: string } {
  const earliest = Math.max(1, text.length - MAX_WORD_LENGTH);
  for (let at = text.length - 1; at >= earliest; at -= 1) {
    if (text[at] === ' ' && /\S/.test(text[at - 1] ?? ' ')) {
      return { closed: text.slice(0, at), open: text.slice(at) };
    }
  }
  return text.length > MAX_WORD_LENGTH ? { closed: text, open: '' } : { closed: '', open: text };
}
