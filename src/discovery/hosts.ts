/** The host in a canonical URL, an IPv6 address in its brackets. */
export function hostOf(url: string): string {
  return /^https?:\/\/(\[[^\]]*\]|[^/:]*)/.exec(url)?.[1] ?? '';
}

/**
 * What one owner can have many hosts in: the last two labels of a name, the /24 or /64 of an address. Some suffixes have many owners:
 * fit for sharing something out, not for refusing it.
 */
export function domainOf(url: string): string {
  const host = hostOf(url);
  if (host.startsWith('[')) return groupsOf(host.slice(1, -1)).slice(0, 4).join(':');
  const labels = host.split('.');
  return /^\d+$/.test(labels.at(-1) ?? '')
    ? labels.slice(0, 3).join('.')
    : labels.slice(-2).join('.');
}

/** All eight, of an address as `URL` writes it. */
function groupsOf(address: string): readonly string[] {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail];
}
