import { isRecord } from '@scc/plan';
import { type Affinity, cookiePattern, type ServicePair, type Testers } from '@scc/routing';
import { type Place, serviceHost } from './hosts.js';

/** How one route of a proxy divides the requests to one Service. */
export interface ObservedShare {
  service: string;
  /** Requests out of `total` that go to the canary. */
  canary: number;
  total: number;
}

/** An Envoy cluster that Istio made: `outbound|80|subset|host`. */
const CLUSTER = /^outbound\|\d+\|([^|]*)\|([^|]+)$/;
const hostOf = (cluster: string): string | null => CLUSTER.exec(cluster)?.[2] ?? null;
const subsetOf = (cluster: string): string => CLUSTER.exec(cluster)?.[1] ?? '';

const isWeighted = (value: unknown): value is { name: string; weight?: number } =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  (value['weight'] === undefined || typeof value['weight'] === 'number');

/** Keys in both spellings of protobuf's JSON. */
const WEIGHTED = ['weighted_clusters', 'weightedClusters'];
const MIRRORS = ['request_mirror_policies', 'requestMirrorPolicies'];

type Cluster = { name: string; weight: number };

/** Every destination of every route in a dump: alone, or with the others that it shares the requests with. */
function* destinations(value: unknown): Generator<Cluster[]> {
  if (Array.isArray(value)) for (const item of value) yield* destinations(item);
  if (!isRecord(value)) return;
  for (const [key, item] of Object.entries(value)) {
    if (MIRRORS.includes(key)) continue;
    if (key === 'cluster' && typeof item === 'string') yield [{ name: item, weight: 1 }];
    else if (WEIGHTED.includes(key) && isRecord(item) && Array.isArray(item['clusters']))
      yield item['clusters'].filter(isWeighted).map(({ name, weight }) => ({ name, weight: weight ?? 0 }));
    else yield* destinations(item);
  }
}

const VIRTUAL_HOSTS = ['virtual_hosts', 'virtualHosts'];
const names = (value: unknown): unknown[] =>
  isRecord(value) && Array.isArray(value['domains']) ? value['domains'] : [];

/**
 * A dump of routes without the virtual hosts of the given hosts: every Service has one by which it can be called by its
 * own name, and those of canaries say nothing about the requests to the workload.
 */
export function withoutHosts(dump: unknown, hosts: readonly string[]): unknown {
  if (Array.isArray(dump)) return dump.map((item) => withoutHosts(item, hosts));
  if (!isRecord(dump)) return dump;
  return Object.fromEntries(
    Object.entries(dump).map(([key, value]) => {
      const kept =
        VIRTUAL_HOSTS.includes(key) && Array.isArray(value)
          ? value.filter((host) => !names(host).some((name) => typeof name === 'string' && hosts.includes(name)))
          : value;
      return [key, withoutHosts(kept, hosts)];
    }),
  );
}

const isExactly = (condition: unknown, value: string): boolean => {
  if (!isRecord(condition)) return false;
  const text = condition['string_match'] ?? condition['stringMatch'] ?? condition;
  return isRecord(text) && (text['exact'] ?? text['exact_match'] ?? text['exactMatch']) === value;
};

const hasPattern = (condition: unknown, pattern: string): boolean => {
  if (!isRecord(condition)) return false;
  const text = condition['string_match'] ?? condition['stringMatch'] ?? condition;
  const regex = isRecord(text) ? (text['safe_regex'] ?? text['safeRegex'] ?? text['safe_regex_match']) : undefined;
  return isRecord(regex) && regex['regex'] === pattern;
};

const asks = (route: unknown, isAsked: (condition: Record<string, unknown>) => boolean): boolean => {
  const match = isRecord(route) && isRecord(route['match']) ? route['match'] : {};
  const { headers } = match;
  return Array.isArray(headers) && headers.some((one) => isRecord(one) && isAsked(one));
};

/** Whether only requests of testers meet a route. */
export const meetsTesters = (route: unknown, { header, value }: Testers): boolean =>
  asks(route, (one) => one['name'] === header && isExactly(one, value));

/** Whether only requests with the cookie of the canary meet a route. */
export const meetsReturning = (route: unknown, affinity: Affinity): boolean =>
  asks(route, (one) => one['name'] === 'cookie' && hasPattern(one, cookiePattern(affinity)));

/** A dump of routes without those that only some requests meet, which are put into `apart`. */
export function apartFrom(dump: unknown, isApart: (route: unknown) => boolean, apart: unknown[]): unknown {
  if (Array.isArray(dump))
    return dump.flatMap((item) => {
      if (!isApart(item)) return [apartFrom(item, isApart, apart)];
      apart.push(item);
      return [];
    });
  if (!isRecord(dump)) return dump;
  return Object.fromEntries(Object.entries(dump).map(([key, value]) => [key, apartFrom(value, isApart, apart)]));
}

/** Whether a destination or a mirror of a dump is one of the hosts, with any weight. */
export function mentions(dump: unknown, hosts: readonly string[]): boolean {
  const text = JSON.stringify(dump);
  return hosts.some((host) => text.includes(`|${host}"`));
}

/**
 * How a proxy's routes (or listeners) divide the requests to the Services; routes to others are left out.
 * @param foreign subsets, as `SERVICE/SUBSET`, that are others too
 */
export function observedShares(
  dump: unknown,
  place: Place,
  services: ServicePair[],
  foreign: ReadonlySet<string> = new Set(),
): ObservedShare[] {
  const shares: ObservedShare[] = [];
  for (const clusters of destinations(dump))
    for (const { name, canary } of services) {
      const weightOf = (service: string): number =>
        clusters
          .filter(
            (cluster) =>
              hostOf(cluster.name) === serviceHost(service, place) &&
              !foreign.has(`${service}/${subsetOf(cluster.name)}`),
          )
          .reduce((sum, { weight }) => sum + weight, 0);
      const [stable, toCanary] = [weightOf(name), weightOf(canary)];
      if (stable + toCanary > 0) shares.push({ service: name, canary: toCanary, total: stable + toCanary });
    }
  return shares;
}

/** Whether all routes divide as asked; a share of whole numbers is compared exactly. */
export const dividesBy = (shares: readonly ObservedShare[], percent: number): boolean =>
  shares.every(({ canary, total }) => canary * 100 === percent * total);

/** Hosts that a proxy mirrors to, out of its routes. */
export function mirrorsTo(dump: unknown): Set<string> {
  const hosts = new Set<string>();
  const walk = (value: unknown, inMirror: boolean): void => {
    if (Array.isArray(value)) for (const item of value) walk(item, inMirror);
    if (!isRecord(value)) return;
    for (const [key, item] of Object.entries(value)) {
      const host = inMirror && key === 'cluster' && typeof item === 'string' ? hostOf(item) : null;
      if (host !== null) hosts.add(host);
      walk(item, inMirror || MIRRORS.includes(key));
    }
  };
  walk(dump, false);
  return hosts;
}

/** Addresses (`ip`) by host of a dump of endpoints; a host that a proxy does not know is absent. */
export function observedEndpoints(dump: unknown[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const assignment of dump) {
    if (!isRecord(assignment)) continue;
    const name = assignment['cluster_name'] ?? assignment['clusterName'];
    const host = typeof name === 'string' ? hostOf(name) : null;
    if (host === null) continue;
    const addresses = found.get(host) ?? new Set<string>();
    collectAddresses(assignment, addresses);
    found.set(host, addresses);
  }
  return found;
}

function collectAddresses(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectAddresses(item, into);
  if (!isRecord(value)) return;
  if (value['health_status'] === 'UNHEALTHY' || value['healthStatus'] === 'UNHEALTHY') return;
  const { address } = value;
  if (typeof address === 'string') into.add(address);
  for (const item of Object.values(value)) collectAddresses(item, into);
}
