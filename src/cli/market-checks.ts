import type { Config } from '../config.ts';
import type { BooksReport } from '../money.ts';
import { checked, no, yes } from './check.ts';
import type { Check, Finding } from './check.ts';
import { fetchJson, fieldOf } from './router-client.ts';
import { routerUrl } from './router-url.ts';
import { shown } from './table.ts';

const RELAY_TIMEOUT_MS = 10_000;
const MAX_MESSAGE = 200;
/** Announcements of nodes. */
const QUESTION = JSON.stringify(['REQ', 'doctor', { kinds: [38_421], limit: 1 }]);

/** Of a node that others find, or that finds others: its relays and its own address. Never rejects. */
export async function marketChecks(config: Config): Promise<Check[]> {
  const { node, discovery } = config;
  const read = discovery?.relays ?? [];
  const told = node.announce ? node.relays.filter((url) => !read.includes(url)) : [];
  return Promise.all([
    ...read.map((url) => checkRelay(url, true)),
    ...told.map((url) => checkRelay(url, false)),
    ...(node.url === undefined ? [] : [checkAddress(node.url, routerUrl(config))]),
    ...(discovery === undefined ? [] : [checkDecisions(config)]),
  ]);
}

/** Is there anything to buy with? */
export function capitalChecks(config: Config, books: BooksReport | undefined): Check[] {
  const isBuyer =
    config.discovery !== undefined || config.providers.some(({ kind }) => kind === 'routstr');
  if (!isBuyer) return [];
  const sat = books?.capitalSat ?? 0n;
  const finding =
    sat > 0n
      ? yes(`${sat} sat to buy with`)
      : no('nothing to buy with: stop the router, then nutroute wallet receive TOKEN');
  return [{ name: 'capital', ...finding }];
}

/** Does the relay take a question and answer it? `isRead`: it need not know who asks. */
function checkRelay(url: string, isRead: boolean): Promise<Check> {
  return checked(`relay ${url}`, async () => {
    const socket = new WebSocket(url);
    try {
      return await answerOf(socket, isRead);
    } finally {
      socket.close();
    }
  });
}

function answerOf(socket: WebSocket, isRead: boolean): Promise<Finding> {
  return new Promise((resolve) => {
    const answer = (finding: Finding): void => {
      clearTimeout(timer);
      resolve(finding);
    };
    const timer = setTimeout(() => answer(no('does not answer')), RELAY_TIMEOUT_MS);
    socket.addEventListener('open', () => socket.send(QUESTION));
    socket.addEventListener('error', () => answer(no('cannot be reached')));
    socket.addEventListener('close', () => answer(no('hung up without an answer')));
    socket.addEventListener('message', ({ data }) => {
      const finding = findingOf(String(data), isRead);
      if (finding !== undefined) answer(finding);
    });
  });
}

/** Undefined for a message that answers nothing. */
function findingOf(message: string, isRead: boolean): Finding | undefined {
  // An announcement, or the news that there is none.
  if (/^\["(EVENT|EOSE)"/.test(message)) return yes('answers');
  if (!message.startsWith('["CLOSED"')) return undefined;
  // Our announcements are sent by who says who it is.
  if (!isRead && message.includes('auth-required:')) return yes('answers those it knows');
  return no(`refuses to be read: ${shown(message, MAX_MESSAGE)}`);
}

/** Does the node's own address lead to this router? Asked only while it runs. */
function checkAddress(url: string, local: string): Promise<Check> {
  return checked(`address ${url}`, async () => {
    // Without its answer there is no key to compare with.
    const own = await infoOf(local).catch(() => undefined);
    if (own === undefined) return yes(`not asked: no router answers at ${local}`);
    const found = await infoOf(url);
    if (found === undefined) return no('answers as no node does: others cannot buy here');
    const npub = fieldOf(own, 'npub');
    if (npub !== fieldOf(found, 'npub')) {
      return no('leads to a server that names another key: others will not buy here');
    }
    return yes(typeof npub === 'string' ? `leads to this router, ${npub}` : 'answers');
  });
}

/** The operator's own, about nodes: a faulty file stops the start. */
async function checkDecisions(config: Config): Promise<Check> {
  const { trustFileOf } = await import('../app/market.ts');
  const { readDecisions } = await import('../discovery/decision-file.ts');
  const name = 'decisions';
  try {
    const { size } = await readDecisions(trustFileOf(config));
    return { name, ...yes(`${size} of yours about nodes`) };
  } catch (error) {
    return { name, ...no(error instanceof Error ? error.message : String(error)) };
  }
}

/** Undefined where the answer is none. */
async function infoOf(url: string): Promise<unknown> {
  const { status, body } = await fetchJson(`${url}/v1/info`);
  return status === 200 ? body : undefined;
}
