import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { nowMs } from './time.ts';

/** One keep-alive connection that carries one request at a time, with as little work as a client can do. */
export interface HttpConnection {
  /** Sends the bytes of a whole request. Rejects when the connection breaks. */
  send(request: Buffer): Promise<HttpAnswer>;
  /** As `send`, but closes the connection after `ms`. Tells when it did. */
  sendAndLeave(request: Buffer, ms: number): Promise<number>;
  close(): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly head: string;
  /** The last bytes of the body, at most 4 kB. */
  readonly tail: string;
  /** Until the first byte of the body, and until the last. */
  readonly firstByteMs: number;
  readonly totalMs: number;
}

interface Expecting {
  readonly startedAt: number;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Head {
  readonly status: number;
  readonly head: string;
  /** Undefined where the body comes in chunks. */
  readonly length: number | undefined;
  /** Negative until the body begins. */
  firstByteMs: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const TAIL_BYTES = 4096;

export function openConnection(url: string): HttpConnection {
  const { hostname, port } = new URL(url);
  let socket: Socket | undefined;
  let expecting: Expecting | undefined;
  let received: Buffer = Buffer.alloc(0);
  let answer: Head | undefined;
  let bodyBytes = 0;

  const fail = (error: Error): void => {
    socket = undefined;
    expecting?.reject(error);
    expecting = undefined;
  };
  const open = (): Socket => {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true });
    opened.on('data', onData);
    opened.on('error', () => undefined);
    opened.on('close', () => {
      if (socket === opened) fail(new Error('the connection was closed'));
    });
    return opened;
  };
  const finish = (): void => {
    const done = expecting;
    const head = answer;
    expecting = undefined;
    answer = undefined;
    if (done === undefined || head === undefined) return;
    done.resolve({
      status: head.status,
      head: head.head,
      tail: received.toString('utf8', Math.max(0, received.length - TAIL_BYTES)),
      firstByteMs: head.firstByteMs,
      totalMs: nowMs() - done.startedAt,
    });
  };
  /** Reads the head; false while it is not complete. What follows it stays in `received`. */
  const readHead = (): boolean => {
    const end = received.indexOf(HEAD_END);
    if (end < 0 || expecting === undefined) return false;
    const head = received.toString('latin1', 0, end);
    received = received.subarray(end + HEAD_END.length);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    answer = {
      status: Number(head.slice(9, 12)),
      head,
      firstByteMs: -1,
      length: length === undefined ? undefined : Number(length),
    };
    bodyBytes = 0;
    return true;
  };
  function onData(chunk: Buffer): void {
    let fresh = chunk;
    if (answer === undefined) {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (!readHead()) return;
      fresh = received;
    } else {
      const kept = received.length > TAIL_BYTES ? received.subarray(-TAIL_BYTES) : received;
      received = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    }
    bodyBytes += fresh.length;
    if (answer === undefined || expecting === undefined) return;
    if (answer.firstByteMs < 0 && bodyBytes > 0) answer.firstByteMs = nowMs() - expecting.startedAt;
    const isComplete =
      answer.length === undefined
        ? received.length >= 5 && received.subarray(-5).equals(LAST_CHUNK)
        : bodyBytes >= answer.length;
    if (!isComplete) return;
    finish();
    received = Buffer.alloc(0);
  }

  const send = (request: Buffer): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      socket ??= open();
      received = Buffer.alloc(0);
      answer = undefined;
      expecting = { startedAt: nowMs(), resolve, reject };
      socket.write(request);
    });

  return {
    send,
    async sendAndLeave(request, ms) {
      const { promise, resolve } = Promise.withResolvers<number>();
      send(request).catch(() => undefined);
      setTimeout(() => {
        const leaving = socket;
        socket = undefined;
        expecting = undefined;
        resolve(nowMs());
        leaving?.destroy();
      }, ms);
      return promise;
    },
    close() {
      const closing = socket;
      socket = undefined;
      closing?.destroy();
    },
  };
}
