import { applyEdits, memberEdit, removalEdits } from './byte-edits.ts';
import type { ByteEdit } from './byte-edits.ts';
import type { ChatRequest, MaxField } from './chat-request.ts';
import { isObject, parseJson } from './json-object.ts';
import { ROUTING_FIELDS } from './routing-preferences.ts';

export interface BodyChanges {
  /** The upstream's own name of the model. */
  readonly model?: string;
  /**
   * The output limit of one answer. It lowers the client's own limits, in all the fields that the client used; `field` is
   * only for a client that gave none.
   */
  readonly maxTokens?: { readonly field: MaxField; readonly value: number };
  /** Ask for a usage chunk, keeping the client's other stream options. */
  readonly includeUsage?: boolean;
}

/**
 * The body to forward: every byte as it was received, but for the changed values and the fields that only we read. Two limits that differ are always made one,
 * the smaller, since nobody knows which of them an upstream obeys. Returns the received Buffer itself where nothing changes.
 */
export function spliceBody(request: ChatRequest, changes: BodyChanges): Buffer {
  const edits: ByteEdit[] = [...removalEdits(request.spans, ROUTING_FIELDS)];
  const set = (field: string, json: string): void => {
    edits.push(memberEdit(request.body, request.spans, { key: field, json }));
  };

  if (changes.model !== undefined) set('model', JSON.stringify(changes.model));
  const limit = Math.min(request.maxOutput ?? Infinity, changes.maxTokens?.value ?? Infinity);
  for (const field of limitFields(request, changes)) set(field, String(limit));
  if (changes.includeUsage === true && !request.includeUsage) {
    set('stream_options', withUsage(request));
  }
  return applyEdits(request.body, edits);
}

function limitFields(request: ChatRequest, { maxTokens }: BodyChanges): readonly MaxField[] {
  const { maxFields } = request;
  if (maxTokens !== undefined) return maxFields.length > 0 ? maxFields : [maxTokens.field];
  return maxFields.length > 1 ? maxFields : [];
}

function withUsage({ body, spans }: ChatRequest): string {
  const span = spans.find(({ key }) => key === 'stream_options');
  const options =
    span === undefined ? null : parseJson(body.toString('utf8', span.valueStart, span.valueEnd));
  return JSON.stringify({ ...(isObject(options) ? options : {}), include_usage: true });
}
