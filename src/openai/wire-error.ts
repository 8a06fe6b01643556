/** What an upstream sent is no chat completion: HTML, garbage, an event that never ends. The message quotes nothing of it. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
