import type { Log } from '../lib/log.ts';
import type { Report } from '../router/report.ts';

/** Writes the one line of an answered request. Never credentials or content. */
export function logAnswer(
  log: Log,
  answer: { readonly requestId: string; readonly status: number; readonly ms: number },
  report: Report,
): void {
  const { error } = report;
  const fields = {
    requestId: answer.requestId,
    status: answer.status,
    ms: answer.ms,
    model: report.model,
    provider: report.provider,
    costMsat: report.charge.toString(),
    ...(report.attempts.length > 1 && { attempts: report.attempts }),
    ...(report.payerGone && { payerGone: true }),
    ...(error !== undefined && { error: error.code }),
  };
  if (error?.code === 'internal_error') {
    log.error({ ...fields, cause: describeCause(error.cause) }, 'answered');
  } else {
    log.info(fields, 'answered');
  }
}

/**
 * What of an unforeseen error may be logged: its kind and where it was thrown. Not its message, since those of parsers and remote
 * parties quote what they choked on.
 */
function describeCause(cause: unknown): object {
  if (!(cause instanceof Error)) return { name: typeof cause };
  const frames = cause.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return {
    name: cause.name,
    ...('code' in cause && typeof cause.code === 'string' && { code: cause.code }),
    stack: frames.slice(0, 10).map((line) => line.trim()),
  };
}
