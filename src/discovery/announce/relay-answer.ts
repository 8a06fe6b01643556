/** What to do after a relay's answer to an event (NIP-01): it has it, ask again later, or do not ask again. */
export type Verdict = 'taken' | 'later' | 'never';

/** Machine-readable beginnings of what is final until the event, or the operator's standing with the relay, changes. */
const FINAL = ['blocked:', 'restricted:', 'pow:', 'invalid:'];

export function verdictOn(answer: { readonly ok: boolean; readonly message: string }): Verdict {
  const { ok, message } = answer;
  if (ok || message.startsWith('duplicate:')) return 'taken';
  return FINAL.some((prefix) => message.startsWith(prefix)) ? 'never' : 'later';
}

/** The relay finds our event faulty: then it is our fault, not its. */
export function blamesUs(message: string): boolean {
  return message.startsWith('invalid:');
}
