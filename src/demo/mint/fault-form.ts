import { countOf, textOf } from '../json.ts';
import type { JsonRecord } from '../json.ts';
import type { Fault } from './fault.ts';

const KINDS = ['refuse', 'delay', 'hang', 'drop', 'garble', 'pending'] as const;
const TIMES = ['before', 'after'] as const;

/** A fault from its JSON form. Throws RangeError when it is none. */
export function parseFault(from: JsonRecord): Fault {
  const path = textOf(from['path']);
  const kind = KINDS.find((known) => known === from['kind']);
  if (path === undefined || kind === undefined) throw new RangeError('a fault has path and kind');
  return {
    path,
    kind,
    when: TIMES.find((known) => known === from['when']),
    times: countOf(from['times']),
    skip: countOf(from['skip']),
    status: countOf(from['status']),
    code: countOf(from['code']),
    detail: textOf(from['detail']),
    ms: countOf(from['ms']),
  };
}
