import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import type { Gzip } from 'node:zlib';

import type { Gate } from './gate.ts';
import type { Oddity } from './oddity.ts';

export interface Delivery {
  readonly headers: OutgoingHttpHeaders;
  /** What is sent with a pause (or a fault) between. */
  readonly pieces: readonly string[];
  readonly oddity: Oddity;
  readonly gate: Gate;
  onSent(): void;
  /** Just before it breaks the connection itself. */
  onReset(): void;
}

/** Long enough for the receiver to read what precedes a reset: a RST discards what it has not read. */
const BEFORE_RESET_MS = 20;

/** Sends a 200 answer as its oddity says; stops when the receiver leaves. */
export async function deliver(response: ServerResponse, delivery: Delivery): Promise<void> {
  const { pieces, oddity } = delivery;
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  const out = oddity.gzip === true ? gzipInto(response) : response;
  for (let sent = 0; sent <= pieces.length; sent++) {
    const pauseMs = sent === 0 ? oddity.firstByteMs : oddity.msPerChunk;
    if (pauseMs !== undefined && pauseMs > 0) {
      await Promise.race([setTimeout(pauseMs), gone]);
    }
    await delivery.gate.pass(sent, oddity.hangAfter === sent, gone);
    if (response.closed || response.destroyed) return;
    if (oddity.resetAfter === sent) {
      await setTimeout(BEFORE_RESET_MS);
      delivery.onReset();
      response.socket?.resetAndDestroy();
      return;
    }
    const piece = pieces[sent];
    if (piece === undefined) break;
    if (sent === 0) response.writeHead(200, delivery.headers);
    await writePiece(out, piece, oddity, gone);
    delivery.onSent();
  }
  out.end();
}

function gzipInto(response: ServerResponse): Gzip {
  const gzip = createGzip();
  gzip.pipe(response);
  return gzip;
}

async function writePiece(
  out: ServerResponse | Gzip,
  piece: string,
  oddity: Oddity,
  gone: Promise<void>,
): Promise<void> {
  const bytes = Buffer.from(piece);
  if (oddity.splitBytes !== true) {
    if (!out.write(bytes)) await Promise.race([once(out, 'drain'), gone]);
  } else {
    for (let from = 0, size = 1; from < bytes.length; from += size, size = (size % 7) + 1) {
      out.write(bytes.subarray(from, from + size));
      await setImmediate();
    }
  }
  if ('flush' in out) {
    await new Promise<void>((resolve) => out.flush(constants.Z_SYNC_FLUSH, resolve));
  }
}
