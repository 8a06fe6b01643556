import type { Agent } from 'node:http';
import type { LookupFunction } from 'node:net';

import { WebSocket } from 'ws';

/** How relays are dialled; without it, as the machine does. */
export interface RelayDialing {
  readonly lookup?: LookupFunction;
  readonly agent?: Agent;
}

/** One connection to a relay. */
export interface RelaySocket {
  send(text: string): void;
  /** Stops and starts reading, which the other end feels. */
  pause(): void;
  resume(): void;
  /** Cuts it at once; `why` is told to `onGone`. Idempotent. */
  terminate(why: string): void;
}

export interface SocketHandlers {
  onOpen(): void;
  onText(text: string, bytes: number): void;
  /** A frame that says nothing: binary, or about the connection. */
  onNoise(bytes: number): void;
  /** The connection is over, or there never was one. Called once, also after `terminate`. */
  onGone(why: string): void;
}

export interface SocketLimits {
  readonly maxFrameBytes: number;
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** Dials `url` (`ws:` or `wss:`). Redirects are not followed and compression is not taken. */
export function openSocket(
  url: string,
  handlers: SocketHandlers,
  limits: SocketLimits,
  dialing: RelayDialing,
): RelaySocket {
  const socket = new WebSocket(url, {
    ...dialing,
    maxPayload: limits.maxFrameBytes,
    handshakeTimeout: limits.connectTimeoutMs,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let fault: string | undefined;
  const terminate = (why: string): void => {
    fault ??= why;
    socket.terminate();
  };
  const heartbeat = watchPulse(socket, limits.heartbeatMs, () =>
    terminate('the relay went silent'),
  );
  socket.on('open', () => {
    // It may have been terminated while its handshake was on the way.
    if (fault !== undefined) return;
    heartbeat.start();
    handlers.onOpen();
  });
  socket.on('message', (data, isBinary) => {
    // What was read already still comes after `terminate`.
    if (fault !== undefined || !Buffer.isBuffer(data)) return;
    if (isBinary) handlers.onNoise(data.length);
    else handlers.onText(data.toString('utf8'), data.length);
  });
  for (const noise of ['ping', 'pong'] as const) {
    socket.on(noise, (data) => {
      if (fault === undefined) handlers.onNoise(data.length);
    });
  }
  socket.on('error', (error) => {
    fault ??= error.message;
  });
  socket.on('close', (code) => {
    heartbeat.stop();
    handlers.onGone(fault ?? `the connection was closed (${code})`);
  });
  return {
    send: (text) => socket.send(text),
    pause() {
      heartbeat.stop();
      socket.pause();
    },
    resume() {
      socket.resume();
      if (socket.readyState === socket.OPEN) heartbeat.start();
    },
    terminate,
  };
}

/**
 * `close()` would wait half a minute for the other end. While nothing is read no pong can come either, so that the pulse is not watched
 * then.
 */
function watchPulse(socket: WebSocket, everyMs: number, onSilence: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let hasPulse = true;
  const beat = (): void => {
    hasPulse = true;
  };
  for (const sign of ['message', 'ping', 'pong'] as const) socket.on(sign, beat);
  return {
    start(): void {
      clearInterval(timer);
      hasPulse = true;
      timer = setInterval(() => {
        if (!hasPulse) return onSilence();
        hasPulse = false;
        return socket.ping();
      }, everyMs);
    },
    stop(): void {
      clearInterval(timer);
    },
  };
}
