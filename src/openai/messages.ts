import { RouterError } from '../lib/errors.ts';
import { isObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** What the images of a prompt come to. */
export interface ImageTally {
  count: number;
  /** Length of their `data:` URLs: bytes of the body that are no text. */
  dataBytes: number;
}

const DATA_IMAGE = /^data:image\//i;

/** Checks the messages of a chat request. Throws RouterError `invalid_request`. */
export function readMessages(
  value: unknown,
  allowRemoteImages: boolean,
): { readonly messages: readonly JsonObject[]; readonly images: ImageTally } {
  if (!Array.isArray(value) || value.length === 0) {
    throw fault('messages', 'must be a list of at least one message');
  }
  const items: readonly unknown[] = value;
  const images: ImageTally = { count: 0, dataBytes: 0 };
  const messages = items.map((item, index) => {
    const path = `messages[${index}]`;
    if (!isObject(item)) throw fault(path, 'must be an object');
    if (typeof item['role'] !== 'string') throw fault(`${path}.role`, 'must be a string');
    readContent(item['content'], `${path}.content`, { images, allowRemoteImages });
    return item;
  });
  return { messages, images };
}

interface Rules {
  readonly images: ImageTally;
  readonly allowRemoteImages: boolean;
}

function readContent(content: unknown, path: string, rules: Rules): void {
  if (content === undefined || content === null || typeof content === 'string') return;
  if (!Array.isArray(content)) throw fault(path, 'must be a string, a list of parts, or null');
  const parts: readonly unknown[] = content;
  for (const [index, part] of parts.entries()) readPart(part, `${path}[${index}]`, rules);
}

/** Part types that nobody here can price are refused, so that no prompt is dearer than its bound. */
function readPart(part: unknown, path: string, rules: Rules): void {
  if (!isObject(part)) throw fault(path, 'must be an object');
  switch (part['type']) {
    case 'text':
    case 'refusal':
      if (typeof part[part['type']] !== 'string') throw fault(path, 'must have its text');
      return;
    case 'image_url':
      readImage(part['image_url'], `${path}.image_url`, rules);
      return;
    default:
      throw fault(`${path}.type`, 'must be text, refusal or image_url');
  }
}

function readImage(image: unknown, path: string, { images, allowRemoteImages }: Rules): void {
  const url = isObject(image) ? image['url'] : undefined;
  if (typeof url !== 'string') throw fault(`${path}.url`, 'must be a string');
  images.count += 1;
  if (DATA_IMAGE.test(url)) images.dataBytes += url.length;
  else if (!allowRemoteImages) {
    throw fault(`${path}.url`, 'must be a data:image/ URL: nothing is fetched for a payer here');
  }
}

function fault(path: string, message: string): RouterError {
  return new RouterError('invalid_request', `${path} ${message}.`, { param: path });
}
