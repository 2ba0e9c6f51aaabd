import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ConfigError } from './config.js';

/** Addresses of the machine itself, of its link, of no host or of many: allowed by network only. */
const SPECIAL = networksOf([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  '64:ff9b::/96',
  'fe80::/10',
  'ff00::/8',
]);
/** Addresses inside an organisation, such as those of pods and Services. */
const PRIVATE = networksOf(['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']);

function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = isIP(address) === 6 ? '128' : '32', ...rest] = network.split('/');
    if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix))
      throw new ConfigError(`${network} is no network: write it as 10.0.0.0/8`);
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

const holds = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

interface Host {
  name: string;
  /** `*.NAME`: any name below it. */
  isWildcard: boolean;
  port: string | null;
}

const entriesOf = (list: string): string[] =>
  list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

function hostOf(entry: string): Host {
  const [, wildcard, name = '', port] =
    /^(\*\.)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  if (name === '') throw new ConfigError(`${entry} is no host: write it as NAME, NAME:PORT or *.DOMAIN`);
  return { name: name.replace(/^\[|\]$/g, '').toLowerCase(), isWildcard: wildcard !== undefined, port: port ?? null };
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');
const nameOf = ({ hostname }: URL): string =>
  hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();

/**
 * The servers that calls with an address from outside may go to. A host that is named in full may have an address
 * inside the organisation; one that a wildcard covers may not; an address of the machine itself or of its link needs its
 * network, or to be named itself.
 */
export class AllowedHosts {
  readonly #hosts: readonly Host[];
  readonly #networks: BlockList;

  /**
   * @param hosts NAME, NAME:PORT or *.DOMAIN, separated by commas
   * @param networks in CIDR notation, separated by commas
   * @throws ConfigError
   */
  constructor(hosts: string, networks: string) {
    this.#hosts = entriesOf(hosts).map(hostOf);
    this.#networks = networksOf(entriesOf(networks));
  }

  /** Whether calls to this URL may be tried at all. */
  allows(url: URL): boolean {
    return this.#matching(url).length > 0 && (isIP(nameOf(url)) === 0 || this.#allowsAddress(nameOf(url), url));
  }

  /** Resolves names to the addresses that are allowed: those are then connected to, so that no second answer counts. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses: LookupAddress[] = error
        ? []
        : found.filter(({ address }) => this.#allowsNamed(hostname, address));
      const [first] = addresses;
      if (error) callback(error, '');
      else if (!first) callback(new Error(`${hostname} has no address that may be called`), '');
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  #matching(url: URL): Host[] {
    const name = nameOf(url);
    return this.#hosts.filter(
      (host) =>
        (host.port === null || host.port === portOf(url)) &&
        (host.isWildcard ? name.endsWith(`.${host.name}`) : name === host.name),
    );
  }

  #allowsAddress(address: string, url: URL): boolean {
    return this.#matching(url).some(({ isWildcard }) => !isWildcard) || this.#allowsNamed(address, address);
  }

  #allowsNamed(hostname: string, address: string): boolean {
    if (holds(this.#networks, address)) return true;
    if (holds(SPECIAL, address)) return false;
    const name = hostname.toLowerCase();
    return !holds(PRIVATE, address) || this.#hosts.some((host) => !host.isWildcard && host.name === name);
  }
}
