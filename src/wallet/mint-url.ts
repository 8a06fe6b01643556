const MAX_URL_CHARS = 512;

/**
 * One spelling for one mint: scheme and host in lower case, no default port, no trailing slash. Throws TypeError on anything
 * but an http(s) URL without user, query and fragment.
 */
export function canonicalMintUrl(text: string): string {
  if (text.length > MAX_URL_CHARS) throw new TypeError('the mint URL is too long');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError('a mint URL begins with https:// or http://');
  }
  // `href` shows what the parsed fields hide: an empty query or fragment.
  if (url.username !== '' || url.password !== '' || /[?#]/.test(url.href)) {
    throw new TypeError('a mint URL has no user, query or fragment');
  }
  return url.href.replace(/\/+$/, '');
}
