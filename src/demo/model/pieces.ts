import type { Oddity } from './oddity.ts';
import { errorBody } from './wire.ts';

/** The events of a stream, as its oddity frames them. */
export function streamPieces(chunks: readonly object[], oddity: Oddity): readonly string[] {
  const end = oddity.crlf === true ? '\r\n\r\n' : '\n\n';
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}${end}`);
  if (oddity.noFinish !== true) events.push(`data: [DONE]${end}`);
  if (oddity.errorAfter !== undefined) {
    const error = errorBody('Failed on demand.', 'server_error', { code: 'demo_failure' });
    events.splice(oddity.errorAfter, Infinity, `data: ${JSON.stringify(error)}${end}`);
  }
  return oddity.contentLength === true ? [events.join('')] : events;
}

/** A JSON (or HTML) body in two halves. */
export function bodyPieces(body: object, oddity: Oddity): readonly string[] {
  if (oddity.html === true) return ['<!doctype html><title>Welcome</title><p>It works!'];
  const failed = errorBody('Failed on demand.', 'server_error', { code: 'demo_failure' });
  const text = JSON.stringify(oddity.errorAfter === undefined ? body : failed);
  const half = Math.floor(text.length / 2);
  return [text.slice(0, half), text.slice(half)];
}

export function headersOf(
  isStream: boolean,
  pieces: readonly string[],
  oddity: Oddity,
): Record<string, string | number> {
  const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  const jsonType = oddity.html === true ? 'text/html; charset=utf-8' : 'application/json';
  const isSized = (!isStream || oddity.contentLength === true) && oddity.gzip !== true;
  return {
    'content-type': isStream ? 'text/event-stream; charset=utf-8' : jsonType,
    ...(isStream ? { 'cache-control': 'no-cache' } : {}),
    ...(isSized ? { 'content-length': bytes } : {}),
    ...(oddity.gzip === true ? { 'content-encoding': 'gzip' } : {}),
    ...(oddity.xCashu === undefined ? {} : { 'x-cashu': oddity.xCashu }),
  };
}
