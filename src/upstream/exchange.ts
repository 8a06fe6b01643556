import type { IncomingHttpHeaders } from 'node:http';

import type { Dispatcher } from 'undici';

import type { Cancel } from '../lib/cancel.ts';
import { createBodyFlow } from './body-flow.ts';
import type { BodyFlow } from './body-flow.ts';
import type { Deadlines } from './deadlines.ts';
import { failureOf } from './failure.ts';
import { UpstreamFailure } from './upstream.ts';

/** The way to one upstream. */
export interface Link {
  readonly pool: Dispatcher;
  readonly deadlines: Deadlines;
  readonly idleMs: number;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  readonly firstByteTimeoutMs: number;
}

interface Head {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** A request that was sent and is being answered. */
export interface Exchange extends Head {
  readonly relay: BodyFlow['relay'];
  /** Closes the connection; the relay rejects with `failure`. Without effect once the body has ended. */
  stop(failure: UpstreamFailure): void;
}

/**
 * Sends a request. Resolves with the first byte of the answer's body (or its end), so that a server which sends a head and
 * then nothing is still late. Rejects with UpstreamFailure; `cancel` closes the connection at once in every phase.
 */
export function openExchange(
  link: Link,
  request: ExchangeRequest,
  cancel: Cancel,
): Promise<Exchange> {
  const course = createCourse(link);
  const { method, path, headers, body, firstByteTimeoutMs } = request;
  course.begin(firstByteTimeoutMs, cancel);
  link.pool.dispatch({ method, path, headers, body }, handlerOf(course));
  return course.opened;
}

function handlerOf(course: Course): Dispatcher.DispatchHandler {
  let head: Head | undefined;
  return {
    onRequestStart: (controller) => course.started(controller),
    onResponseStart(_controller, status, headers) {
      // 103 Early Hints and their like are not the answer.
      if (status >= 200) head = { status, headers };
    },
    onResponseData(_controller, chunk) {
      if (head !== undefined) course.received(head, chunk);
    },
    onResponseEnd() {
      if (head !== undefined) course.ended(head);
    },
    onResponseError: (_controller, error) => course.failed(failureOf(error, head !== undefined)),
  };
}

/** An exchange on its way. After its end, whatever ended it, nothing has an effect any more. */
interface Course {
  readonly opened: Promise<Exchange>;
  begin(firstByteTimeoutMs: number, cancel: Cancel): void;
  started(controller: Dispatcher.DispatchController): void;
  received(head: Head, chunk: Buffer): void;
  ended(head: Head): void;
  failed(failure: UpstreamFailure): void;
}

function createCourse({ deadlines, idleMs }: Link): Course {
  const opened = Promise.withResolvers<Exchange>();
  const deadline = deadlines.create(() => stop(new UpstreamFailure('timeout', 'it came too late')));
  let controller: Dispatcher.DispatchController | undefined;
  let forgetCancel: (() => void) | undefined;
  let stopped: UpstreamFailure | undefined;
  let isOpen = false;
  let isOver = false;

  const conclude = (): void => {
    isOver = true;
    deadline.clear();
    forgetCancel?.();
  };
  const flow = createBodyFlow({
    pause() {
      // A slow consumer is no fault of the upstream.
      deadline.clear();
      controller?.pause();
    },
    resume() {
      if (!isOver) deadline.set(idleMs);
      controller?.resume();
    },
    abort: (error) => stop(failureOf(error, true)),
  });
  function stop(failure: UpstreamFailure): void {
    if (isOver) return;
    stopped = failure;
    conclude();
    opened.reject(failure);
    flow.drop(failure);
    controller?.abort(failure);
  }
  const open = (head: Head): void => {
    if (!isOpen) opened.resolve({ ...head, relay: (onChunk) => flow.relay(onChunk), stop });
    isOpen = true;
  };

  return {
    opened: opened.promise,
    begin(firstByteTimeoutMs, cancel) {
      deadline.set(firstByteTimeoutMs);
      forgetCancel = cancel.onCancel(() => stop(new UpstreamFailure('cancelled', 'cancelled')));
    },
    started(begun) {
      controller = begun;
      if (stopped !== undefined) begun.abort(stopped);
    },
    received(head, chunk) {
      if (isOver) return;
      deadline.set(idleMs);
      open(head);
      flow.push(chunk);
    },
    ended(head) {
      if (isOver) return;
      conclude();
      open(head);
      flow.end();
    },
    failed(failure) {
      if (isOver) return;
      conclude();
      opened.reject(failure);
      flow.fail(failure);
    },
  };
}
