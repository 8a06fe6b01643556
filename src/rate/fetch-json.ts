import { request } from 'undici';

/** Fetches a small JSON document. Rejects for anything else, and when `signal` aborts: that is its only timeout. */
export type FetchJson = (url: string, signal: AbortSignal) => Promise<unknown>;

const MAX_BODY_BYTES = 65_536;

/** Follows no redirect, keeps no connection, reads at most 64 kB. */
export const fetchJson: FetchJson = async (url, signal) => {
  const { statusCode, body } = await request(url, {
    signal,
    reset: true,
    headers: { accept: 'application/json', 'user-agent': 'nutroute' },
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body.iterator({ destroyOnReturn: true })) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (statusCode !== 200 || bytes > MAX_BODY_BYTES) break;
    chunks.push(part);
  }
  if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  if (bytes > MAX_BODY_BYTES) throw new Error('the answer is too long');
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};
