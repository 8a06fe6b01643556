import { addAnswerTexts } from './answer-texts.ts';
import { isObject, objectsOf, parseJson } from './json-object.ts';
import { readEvent, splitEvents } from './sse.ts';
import { WireError } from './wire-error.ts';

/** Remembers what was relayed, as bytes while that is cheap, and reads its texts when they are wanted. */
export interface RelayedTexts {
  /** Complete events. Throws WireError when texts that nobody takes grow over their limit. */
  add(events: Buffer): void;
  /** The texts since the last call. */
  take(): readonly string[];
}

const MAX_KEPT_BYTES = 1024 * 1024;
const MAX_TEXT_LENGTH = 4 * 1024 * 1024;
/** Texts that do not continue each other: choices, calls. Further ones are put together. */
const MAX_TEXTS = 1024;

export function createRelayedTexts(): RelayedTexts {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let textLength = 0;
  const texts = new Map<string, string>();

  const addText = (field: string, text: string): void => {
    const key = texts.has(field) || texts.size < MAX_TEXTS ? field : 'more';
    texts.set(key, (texts.get(key) ?? '') + text);
    textLength += text.length;
  };
  const readKept = (): void => {
    for (const event of kept.flatMap(splitEvents)) readTexts(event, addText);
    kept = [];
    keptBytes = 0;
  };

  return {
    add(events) {
      kept.push(events);
      keptBytes += events.length;
      if (keptBytes < MAX_KEPT_BYTES) return;
      readKept();
      if (textLength > MAX_TEXT_LENGTH) throw new WireError('more text than can be counted');
    },
    take() {
      readKept();
      const taken = [...texts.values()];
      texts.clear();
      textLength = 0;
      return taken;
    },
  };
}

function readTexts(event: Buffer, add: (field: string, text: string) => void): void {
  const { data } = readEvent(event);
  const json = data === undefined ? undefined : parseJson(data);
  if (!isObject(json)) return;
  for (const choice of objectsOf(json['choices'])) {
    const index = String(choice['index']);
    const delta = choice['delta'];
    if (isObject(delta)) addAnswerTexts(delta, (field, text) => add(`${index}/${field}`, text));
  }
}
