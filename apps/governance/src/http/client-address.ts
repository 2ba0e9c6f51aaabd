import { BlockList, isIP } from 'node:net';

/** The networks of proxies whose word about a client is taken. Empty: none. */
export type TrustedProxies = Pick<BlockList, 'check'>;

const MAPPED = /^::ffff:(?=\d+\.)/i;
const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Reads networks such as `10.0.0.0/8` or `fd00::/8`; null when one of them is no network. */
export function parseNetworks(networks: readonly string[]): TrustedProxies | null {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
    const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
    if (bits === 0 || Number(length) > bits) return null;
    list.addSubnet(address, Number(length), familyOf(address));
  }
  return list;
}

/**
 * The sender of a request: the peer of the connection, or, when that is a trusted proxy, the last address of
 * X-Forwarded-For that no trusted proxy has. Entries before it were written by untrusted senders. An entry that is no
 * address ends the search at the proxy that passed it on.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  const hops = (forwardedFor ?? '').split(',').reverse();
  let client = peer.replace(MAPPED, '');
  for (const hop of hops) {
    const before = hop.trim().replace(MAPPED, '');
    if (isIP(client) === 0 || !trusted.check(client, familyOf(client)) || isIP(before) === 0) break;
    client = before;
  }
  return client;
}
