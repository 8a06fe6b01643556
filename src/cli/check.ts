import type { Provider } from '../config/provider.ts';
import { pubkeyOf } from '../nostr/npub.ts';
import type { Terminal } from './command.ts';
import { fetchJson, fieldOf, reasonOf } from './router-client.ts';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, for people. */
  readonly message: string;
}

/** Is it a mint that issues coins of unit sat now? Never rejects. */
export async function checkMint(url: string): Promise<Check> {
  return checked(`mint ${url}`, async () => {
    const info = await fetchJson(`${url}/v1/info`);
    if (info.status !== 200)
      return no(`answered ${info.status} to /v1/info: is this a Cashu mint?`);
    const { body } = await fetchJson(`${url}/v1/keysets`);
    const keysets = listOf(fieldOf(body, 'keysets')).filter(
      (keyset) => fieldOf(keyset, 'unit') === 'sat' && fieldOf(keyset, 'active') === true,
    );
    if (keysets.length === 0) return no('has no active keyset of unit sat');
    const fees = keysets.map((keyset) => Number(fieldOf(keyset, 'input_fee_ppk') ?? 0));
    return yes(`issues sat, input fee ${Math.min(...fees)} ppk`);
  });
}

type Checked = Pick<Provider, 'id' | 'kind' | 'baseUrl' | 'apiKey' | 'models' | 'purchase'>;

/**
 * Does the upstream answer to its key, and does it have the models that are to be sold? Of a node also: does it take one of our
 * mints, and is it who the file says? Never rejects.
 */
export async function checkUpstream(provider: Checked, mints: readonly string[]): Promise<Check> {
  return checked(`upstream ${provider.id}`, async () => {
    if (provider.kind === 'openai') return checkModels(provider, `${provider.baseUrl}/models`);
    const { body } = await fetchJson(`${provider.baseUrl}/v1/info`);
    const fault = faultOfNode(provider, body, mints);
    return fault === undefined ? checkModels(provider, `${provider.baseUrl}/v1/models`) : no(fault);
  });
}

function faultOfNode(
  { purchase }: Checked,
  info: unknown,
  mints: readonly string[],
): string | undefined {
  const npub = fieldOf(info, 'npub');
  const named = typeof npub === 'string' ? pubkeyOf(npub) : undefined;
  if (purchase?.pubkey !== undefined && named !== purchase.pubkey) {
    return 'names another key than the one in the file';
  }
  const isPayable = listOf(fieldOf(info, 'mints')).some((mint) => isOneOf(mint, mints));
  return isPayable ? undefined : 'takes none of our mints';
}

function isOneOf(mint: unknown, mints: readonly string[]): boolean {
  if (typeof mint !== 'string' || !URL.canParse(mint)) return false;
  return mints.includes(new URL(mint).href.replace(/\/+$/, ''));
}

async function checkModels({ apiKey, models }: Checked, url: string): Promise<Finding> {
  const headers: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const { status, body } = await fetchJson(url, { headers });
  if (status === 401 || status === 403) return no(`refused the key (${status})`);
  const data = fieldOf(body, 'data');
  if (status !== 200 || !Array.isArray(data)) {
    return no(`answered ${status} to ${url}: does the base URL end where it should (/v1)?`);
  }
  const served = new Set(listOf(data).map((model) => fieldOf(model, 'id')));
  if (models === '*') return yes(`serves ${served.size} models`);
  const missing = models.filter(({ upstreamId }) => !served.has(upstreamId));
  if (missing.length === 0) return yes(`serves all ${models.length} configured models`);
  return no(`does not list ${missing.map(({ upstreamId }) => upstreamId).join(', ')}`);
}

/** Prints checks; true when all are well. */
export function reportChecks(checks: readonly Check[], json: boolean, terminal: Terminal): boolean {
  const isWell = checks.every(({ ok }) => ok);
  if (json) terminal.stdout.write(`${JSON.stringify({ ok: isWell, checks })}\n`);
  else {
    for (const { name, ok, message } of checks) {
      terminal.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name}: ${message}\n`);
    }
  }
  return isWell;
}

export type Finding = Omit<Check, 'name'>;

/** What `look` finds; a failure to look is one. */
export async function checked(name: string, look: () => Promise<Finding>): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, ...no(`does not answer: ${reasonOf(error)}`) };
  }
}

export function yes(message: string): Finding {
  return { ok: true, message };
}

export function no(message: string): Finding {
  return { ok: false, message };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
