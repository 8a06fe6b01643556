import { constants } from 'node:os';

/** One Ctrl-C may arrive twice: from the terminal, and forwarded by npm or by the process that started this one. */
const ECHO_MS = 500;

/** Resolves at the first SIGINT or SIGTERM. A second one, later than the echo of the first, ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = performance.now();
      firstAtMs ??= nowMs;
      if (nowMs - firstAtMs > ECHO_MS) process.exit(128 + constants.signals[signal]);
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
