/** What a router says about the change of a token. */
export type Refund =
  | { readonly kind: 'token'; readonly token: string }
  /** Nothing is left, or it was all collected. */
  | { readonly kind: 'nothing' }
  /** A request still runs on it. */
  | { readonly kind: 'later'; readonly message: string }
  /** It does not know the token, or did not answer: only the mint can tell. */
  | { readonly kind: 'unknown'; readonly message: string };

export interface RouterInfo {
  /** Accepted mints; undefined when it does not say. */
  readonly mints: readonly string[] | undefined;
  /** Ids of the models it serves. */
  readonly models: readonly string[];
}

const TIMEOUT_MS = 30_000;
/** Thousands of models with descriptions are about this. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const NOTHING_LEFT: readonly unknown[] = ['refund_empty', 'refund_collected'];
const STILL_RUNNING = 425;

/** `POST /v1/wallet/refund` with the token that was paid with. Never rejects. */
export async function fetchRefund(router: string, token: string): Promise<Refund> {
  try {
    const { status, body } = await fetchJson(`${router}/v1/wallet/refund`, {
      method: 'POST',
      headers: { 'x-cashu': token },
    });
    const found = fieldOf(body, 'token');
    if (status === 200 && typeof found === 'string') return { kind: 'token', token: found };
    if (status === STILL_RUNNING) return { kind: 'later', message: `${router} is still at work` };
    if (NOTHING_LEFT.includes(fieldOf(fieldOf(body, 'error'), 'code'))) return { kind: 'nothing' };
    return { kind: 'unknown', message: `${router} answered ${status} when asked for change` };
  } catch (error) {
    return { kind: 'unknown', message: `${router} does not answer: ${reasonOf(error)}` };
  }
}

/** What a payer needs to know before paying. Rejects when the router does not answer. */
export async function fetchRouterInfo(router: string): Promise<RouterInfo> {
  const [info, models] = await Promise.all([
    fetchJson(`${router}/v1/info`),
    fetchJson(`${router}/v1/models`),
  ]);
  const mints = fieldOf(info.body, 'mints');
  const data = fieldOf(models.body, 'data');
  const list: readonly unknown[] = Array.isArray(data) ? data : [];
  return {
    mints: isTexts(mints) ? mints : undefined,
    models: list.map((model) => fieldOf(model, 'id')).filter((id) => typeof id === 'string'),
  };
}

/** A JSON answer of bounded size, in bounded time; redirects are not followed. Rejects when there is no answer. */
export async function fetchJson(
  url: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { redirect: 'error', signal, ...init });
  const decoder = new TextDecoder();
  let written = '';
  for await (const chunk of response.body ?? []) {
    written += decoder.decode(chunk, { stream: true });
    if (written.length > MAX_ANSWER_BYTES) throw new Error('its answer is too long');
  }
  try {
    return { status: response.status, body: JSON.parse(written) };
  } catch {
    // An HTML page, or nothing: the status still tells.
    return { status: response.status, body: undefined };
  }
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(Object.entries(value)).get(name);
}

/** fetch hides the reason in the cause: "fetch failed" helps nobody. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
