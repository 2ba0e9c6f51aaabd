import { describe, expect, it } from '@jest/globals';
import { clientAddress, parseNetworks } from './client-address.js';

const networks = (...list: string[]) => parseNetworks(list)!;
const proxies = networks('10.0.0.0/8', 'fd00::/8');

describe('the address of a client', () => {
  it.each<[string, string, string | undefined, string]>([
    ['is the peer when nothing is forwarded', '203.0.113.9', undefined, '203.0.113.9'],
    ['is the peer when a stranger claims another', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['is what a trusted proxy saw', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    [
      'is what the last trusted proxy saw, not what the client claims',
      '10.0.0.1',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['is found behind several trusted proxies', '10.0.0.1', '1.1.1.1, 198.51.100.1, 10.2.0.1,10.3.0.1', '198.51.100.1'],
    ['is the farthest proxy when all of them are trusted', '10.0.0.1', '10.2.0.1, 10.3.0.1', '10.2.0.1'],
    ['is known by an IPv4 address that IPv6 carries', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['may be of IPv6', 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['is the proxy when it passes on nonsense', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['is the proxy when it passes on an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['is the proxy that passed on nonsense', '10.0.0.1', "198.51.100.1, '; --, 10.2.0.1", '10.2.0.1'],
  ])('%s', (_name, peer, forwardedFor, expected) => {
    expect(clientAddress(peer, forwardedFor, proxies)).toBe(expected);
  });

  it('is the peer in spite of claims when no proxy is trusted', () => {
    expect(clientAddress('127.0.0.1', '198.51.100.1', networks())).toBe('127.0.0.1');
  });
});

describe('networks', () => {
  it.each([['10.0.0.0'], ['10.0.0.0/33'], ['fd00::/129'], ['proxies'], ['10.0.0/8'], ['*'], ['0.0.0.0/-1'], ['']])(
    'are not read from %j',
    (text) => {
      expect(parseNetworks([text])).toBeNull();
    },
  );
});
