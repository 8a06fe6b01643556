import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** The server's end of a WebSocket (RFC 6455): text messages only. */
export interface WebSocketEnd {
  send(text: string): void;
  /** Idempotent. */
  close(code: number): void;
}

export interface WebSocketHandlers {
  onMessage(text: string): void;
  onClose(): void;
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_FRAGMENTS = 100;
/** A reader that falls this far behind is cut off. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Answers the upgrade request; undefined (and a 400 on the wire) when it is no WebSocket handshake. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handlersOf: (end: WebSocketEnd) => WebSocketHandlers,
): WebSocketEnd | undefined {
  const key = request.headers['sec-websocket-key'];
  if (key === undefined || request.headers['sec-websocket-version'] !== '13') {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    return undefined;
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );

  let closing = false;
  const end: WebSocketEnd = {
    send(text) {
      if (closing) return;
      socket.write(frame(TEXT, Buffer.from(text)));
      if (socket.writableLength > MAX_UNSENT_BYTES) socket.destroy();
    },
    close(code) {
      if (closing) return;
      closing = true;
      const reason = Buffer.alloc(2);
      reason.writeUInt16BE(code);
      socket.end(frame(CLOSE, reason));
    },
  };
  const handlers = handlersOf(end);
  const read = createReader({
    onText: (text) => handlers.onMessage(text),
    onPing: (payload) => {
      if (!closing) socket.write(frame(PONG, payload));
    },
    onEnd: (code) => end.close(code),
  });
  socket.on('data', read);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => handlers.onClose());
  if (head.length > 0) read(head);
  return end;
}

interface ReaderEvents {
  onText(text: string): void;
  onPing(payload: Buffer): void;
  /** The peer closes, or breaks the protocol: answer with this close code. */
  onEnd(code: number): void;
}

interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  readonly size: number;
}

/** Reassembles frames from the bytes as they come; silent after `onEnd`. */
function createReader(events: ReaderEvents): (bytes: Buffer) => void {
  let unread: Buffer = Buffer.alloc(0);
  let parts: Buffer[] = [];
  let ended = false;

  function fail(code: number): void {
    ended = true;
    events.onEnd(code);
  }

  function onData({ fin, opcode, payload }: Frame): void {
    const isContinuation = opcode === 0;
    if (isContinuation !== parts.length > 0) return fail(1002);
    parts.push(payload);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    if (size > MAX_MESSAGE_BYTES || parts.length > MAX_FRAGMENTS) return fail(1009);
    if (!fin) return;
    const text = Buffer.concat(parts).toString('utf8');
    parts = [];
    events.onText(text);
  }

  function onFrame(frame: Frame): void {
    if (frame.opcode === 0 || frame.opcode === TEXT) return onData(frame);
    if (frame.opcode === PING) return events.onPing(frame.payload);
    if (frame.opcode === PONG) return;
    fail(frame.opcode === CLOSE ? 1000 : frame.opcode === BINARY ? 1003 : 1002);
  }

  return (bytes) => {
    unread = Buffer.concat([unread, bytes]);
    while (!ended) {
      const next = parseFrame(unread);
      if (next === 'incomplete') return;
      if (typeof next === 'number') return fail(next);
      unread = unread.subarray(next.size);
      onFrame(next);
    }
  };
}

/** The first frame, or the close code that its breach of the protocol deserves. */
function parseFrame(bytes: Buffer): Frame | number | 'incomplete' {
  if (bytes.length < 2) return 'incomplete';
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  // reserved bits need an extension, and clients must mask
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return 1002;
  const headSize = headSizeOf(second & 0x7f);
  if (bytes.length < headSize + 4) return 'incomplete';
  const length = payloadLength(bytes, headSize);
  if (length > MAX_MESSAGE_BYTES) return 1009;
  const size = headSize + 4 + length;
  if (bytes.length < size) return 'incomplete';
  const mask = bytes.subarray(headSize, headSize + 4);
  const payload = Buffer.from(bytes.subarray(headSize + 4, size));
  for (let at = 0; at < payload.length; at++) {
    payload.writeUInt8((payload[at] ?? 0) ^ (mask[at % 4] ?? 0), at);
  }
  return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload, size };
}

function headSizeOf(shortLength: number): number {
  if (shortLength === 127) return 10;
  return shortLength === 126 ? 4 : 2;
}

function payloadLength(bytes: Buffer, headSize: number): number {
  if (headSize === 10) return Number(bytes.readBigUInt64BE(2));
  return headSize === 4 ? bytes.readUInt16BE(2) : bytes.readUInt8(1) & 0x7f;
}

function frame(opcode: number, payload: Buffer): Buffer {
  const short = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
  const head = Buffer.alloc(headSizeOf(short));
  head.writeUInt8(0x80 | opcode, 0);
  head.writeUInt8(short, 1);
  if (short === 126) head.writeUInt16BE(payload.length, 2);
  if (short === 127) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}
