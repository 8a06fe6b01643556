import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Whether a connection to an IP address, in any spelling that a resolver gives, may be made. Anything else is refused. */
export type AddressRule = (address: string) => boolean;

/** The IANA special-purpose registry, multicast and reserved space. */
const SPECIAL_V4 = v4([
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Also the metadata services of clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Answers inside every Azure machine, to nobody else.
  ['168.63.129.16', 32],
]);

// One BlockList for both families would be wrong: it takes an IPv4 address for its IPv4-mapped form.
/** Everything public is in here; IPv4-mapped and -compatible forms, NAT64, local and multicast space are not. */
const GLOBAL_V6 = v6([['2000::', 3]]);
/** Inside it: Teredo and other protocol addresses, documentation, 6to4 (an IPv4 address in disguise). */
const SPECIAL_V6 = v6([
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

const PRIVATE_V4 = v4([
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
]);
const PRIVATE_V6 = v6([
  ['::1', 128],
  ['fc00::', 7],
]);

/** Public addresses only (nostr.md 4.6). */
export const publicOnly: AddressRule = (address) => {
  if (isIPv4(address)) return !SPECIAL_V4.check(address, 'ipv4');
  return (
    isPlainV6(address) && GLOBAL_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6')
  );
};

/** Also loopback and private networks. Link-local addresses stay refused: a cloud's metadata service is there. */
export const publicOrPrivate: AddressRule = (address) => {
  if (publicOnly(address)) return true;
  if (isIPv4(address)) return PRIVATE_V4.check(address, 'ipv4');
  return isPlainV6(address) && PRIVATE_V6.check(address, 'ipv6');
};

/** A zone (`%eth0`) binds an address to a network of this machine. */
function isPlainV6(address: string): boolean {
  return isIPv6(address) && !address.includes('%');
}

function v4(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of subnets) list.addSubnet(network, bits, 'ipv4');
  return list;
}

function v6(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of subnets) list.addSubnet(network, bits, 'ipv6');
  return list;
}
