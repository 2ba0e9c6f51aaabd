import { AllowedHosts } from './allowed.js';

const allows = (hosts: string, url: string, networks = ''): boolean =>
  new AllowedHosts(hosts, networks).allows(new URL(url));

describe('the hosts that may be called', () => {
  it.each<[string, string, string, boolean]>([
    ['none, unless said otherwise', '', 'https://smoke.example.com/', false],
    ['a host that is named', 'smoke.example.com', 'https://smoke.example.com/a?b', true],
    ['in any spelling', 'Smoke.example.com', 'https://SMOKE.example.com./', true],
    ['not another one', 'smoke.example.com', 'https://smoke.example.com.evil.org/', false],
    ['not one that only ends alike', '*.example.com', 'https://badexample.com/', false],
    ['those below a domain', 'a.org, *.example.com', 'https://b.smoke.example.com/', true],
    ['not the domain itself', '*.example.com', 'https://example.com/', false],
    ['only at the port that is named', 'smoke.shop.svc:8080', 'http://smoke.shop.svc:8080/', true],
    ['not at another one', 'smoke.shop.svc:8080', 'http://smoke.shop.svc/', false],
    ['the usual port of the scheme', 'smoke.example.com:443', 'https://smoke.example.com/', true],
    ['an address that is named itself', '127.0.0.1:8080', 'http://127.0.0.1:8080/', true],
    ['no user before the host', 'smoke.example.com', 'https://smoke.example.com@evil.org/', false],
    ['no number that spells an address', 'smoke.example.com', 'http://2130706433/', false],
    ['an IPv6 address', '[::1]:8080', 'http://[::1]:8080/', true],
  ])('are %s', (_case, hosts, url, expected) => expect(allows(hosts, url)).toBe(expected));

  it.each(['a b', 'https://a', '*', 'a:b', '[::1'])('are not written as %s', (hosts) =>
    expect(() => new AllowedHosts(hosts, '')).toThrow('is no host'),
  );

  it.each(['10.0.0.0/33x', 'a/8', '10.0.0.0/8/8'])('are in no network %s', (network) =>
    expect(() => new AllowedHosts('', network)).toThrow('is no network'),
  );
});

describe('the addresses of an allowed host', () => {
  const resolved = (hosts: string, name: string, networks = ''): Promise<string> =>
    new Promise((resolve) =>
      new AllowedHosts(hosts, networks).lookup(name, { all: false }, (error, address) =>
        resolve(error ? error.message : (address as string)),
      ),
    );

  // The resolver answers an address with itself, so that no name server is needed.
  it.each<[string, string, string, string, boolean]>([
    ['of the machine itself', '*.test', '127.0.0.1', '', false],
    ['of the machine itself, as IPv6', '*.test', '::1', '', false],
    ['of the machine itself, in an IPv6 spelling', '*.test', '::ffff:127.0.0.1', '', false],
    ['of the link, where clouds keep credentials', '*.test', '169.254.169.254', '', false],
    ['of the organisation', '*.test', '10.96.0.1', '', false],
    ['of the organisation, as IPv6', '*.test', 'fd00::1', '', false],
    ['of the organisation, named in full', '10.96.0.1', '10.96.0.1', '', true],
    ['in an allowed network', '*.test', '10.96.0.1', '10.96.0.0/12', true],
    ['of the machine itself, in an allowed network', '*.test', '127.0.0.1', '127.0.0.0/8', true],
    ['anywhere else', '*.test', '203.0.113.9', '', true],
  ])('%s', async (...[, hosts, address, networks, isAllowed]) => {
    expect(await resolved(hosts, address, networks)).toBe(
      isAllowed ? address : `${address} has no address that may be called`,
    );
  });
});
