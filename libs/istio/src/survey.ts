import type { Violation } from '@scc/plan';
import type { LabelSwitch, SurveyRequest } from '@scc/routing';
import { destinationLists, sendsTo, type RouteScope } from './canary-routes.js';
import { coversHost, DEFAULT_DOMAIN, type Place, resolvedHost, serviceHost } from './hosts.js';
import type { DestinationRuleSpec, VirtualServiceSpec } from './schema.js';

/** How Istio speaks to a port of a Service, by the port's `appProtocol` or the prefix of its name. */
export type PortProtocol = 'http' | 'tcp' | 'tls' | 'udp';

export interface ServicePort {
  port: number;
  name: string;
  appProtocol: string | null;
  /** Of the transport: TCP, UDP or SCTP. */
  protocol: string;
}

const STREAM = ['tcp', 'mongo', 'mysql', 'redis'];
const TLS = ['tls', 'https', 'kubernetes.io/wss'];

/** A port without a declared protocol is taken for HTTP, which Istio detects from the first bytes. */
export function protocolOf({ name, appProtocol, protocol }: ServicePort): PortProtocol {
  if (protocol !== 'TCP') return 'udp';
  const declared = (appProtocol ?? name.split('-')[0] ?? '').toLowerCase();
  if (TLS.includes(declared)) return 'tls';
  if (STREAM.includes(declared)) return 'tcp';
  return 'http';
}

const HTTP = ['http', 'http2', 'https', 'grpc', 'kubernetes.io/h2c', 'kubernetes.io/ws'];

/** Whether nothing says how the port is spoken to: Istio then tells HTTP from other connections by their first bytes. */
export const isUndeclared = (port: ServicePort): boolean => {
  const declared = (port.appProtocol ?? port.name.split('-')[0] ?? '').toLowerCase();
  return protocolOf(port) === 'http' && !HTTP.includes(declared);
};

/** Ports of databases, brokers and mail servers, most of which speak first: their connections are never HTTP. */
const NEVER_HTTP = new Set([21, 22, 25, 1433, 3306, 5432, 5672, 6379, 27017]);

export interface Named<Spec> {
  namespace: string;
  name: string;
  spec: Spec;
}

/** Whether requests of the mesh to this host are routed by the VirtualService. */
export const governsMesh = (
  { namespace, spec }: Named<VirtualServiceSpec>,
  host: string,
  domain = DEFAULT_DOMAIN,
): boolean =>
  (spec.gateways ?? ['mesh']).includes('mesh') &&
  !spec.exportTo?.includes('~') &&
  spec.hosts.some((pattern) => coversHost(resolvedHost(pattern, namespace, domain), host));

/** Whether a VirtualService is there for the proxies of all namespaces. */
const isSeenByAll = ({ exportTo }: VirtualServiceSpec): boolean => !exportTo?.length || exportTo.includes('*');

export const scopeFor = (
  { namespace, services, foreign, domain }: Omit<RouteScope, 'routeNamespace'>,
  routeNamespace: string,
): RouteScope => ({
  namespace,
  services,
  ...(foreign ? { foreign } : {}),
  ...(domain === undefined ? {} : { domain }),
  routeNamespace,
});

export interface FoundRoutes {
  /** VirtualServices that send requests to one of the Services. */
  divided: { namespace: string; name: string }[];
  /** Services whose requests within the mesh no VirtualService routes: they get one for the time of the migration. */
  unrouted: string[];
}

/**
 * Which of a cluster's VirtualServices matter to the Services, and for which Services none does. One that only some
 * namespaces see leaves the others without: they get one, and Istio prefers the narrower one where both are seen.
 */
export function findRoutes(all: Named<VirtualServiceSpec>[], asked: Omit<RouteScope, 'routeNamespace'>): FoundRoutes {
  const { namespace, services, domain = DEFAULT_DOMAIN } = asked;
  const divided = all.filter(({ namespace: routeNamespace, spec }) => {
    const scope = scopeFor(asked, routeNamespace);
    return destinationLists(spec).some((list) => sendsTo(list, scope));
  });
  const unrouted = services
    .map(({ name }) => name)
    .filter((name) => {
      const host = serviceHost(name, { namespace, domain });
      return !all.some((route) => isSeenByAll(route.spec) && governsMesh(route, host, domain));
    });
  return { divided: divided.map(({ namespace: at, name }) => ({ namespace: at, name })), unrouted };
}

/** By which a client in the mesh may call a Service, and so the server names of its TLS connections. */
const callNames = (service: string, place: Place): string[] => [
  serviceHost(service, place),
  `${service}.${place.namespace}.svc`,
  `${service}.${place.namespace}`,
  service,
];

/** The VirtualService of a Service that has none: what Istio does by default, said in words that can be divided. */
export function ownRoutes(
  service: string,
  namespace: string,
  ports: ServicePort[],
  domain = DEFAULT_DOMAIN,
): VirtualServiceSpec {
  const place = { namespace, domain };
  const host = serviceHost(service, place);
  const to = (port: number) => [{ destination: { host, port: { number: port } } }];
  const byPort = (wanted: PortProtocol) => ports.filter((port) => protocolOf(port) === wanted).map(({ port }) => port);
  const http = byPort('http').map((port) => ({ match: [{ port }], route: to(port) }));
  const connections = ports.filter((port) => protocolOf(port) === 'tcp' || isUndeclared(port));
  const tcp = connections.map(({ port }) => ({ match: [{ port }], route: to(port) }));
  const isTlsOnly = ports.every((port) => protocolOf(port) === 'tls');
  const hosts = isTlsOnly ? callNames(service, place) : [host];
  const tls = byPort('tls').map((port) => ({ match: [{ port, sniHosts: hosts }], route: to(port) }));
  return {
    hosts,
    ...(http.length ? { http } : {}),
    ...(tcp.length ? { tcp } : {}),
    ...(tls.length ? { tls } : {}),
  };
}

/** Why the ports of a Service cannot be divided, if they cannot. */
export function portViolations(service: string, ports: ServicePort[]): Violation[] {
  return ports
    .filter((port) => protocolOf(port) === 'udp')
    .map(({ port, protocol }) => ({
      code: 'PortCanNotBeDivided',
      field: 'spec.workloadRef',
      message: `Service ${service} serves port ${port} by ${protocol}, which a mesh does not route`,
      remedy: `Serve port ${port} from a Service and a workload of its own, or migrate without this Service.`,
    }));
}

/**
 * Why a Service without a VirtualService cannot get one of ours: the names of TLS connections are not those of requests,
 * and one VirtualService has one list of hosts for both.
 */
export function ownRouteViolations(service: string, ports: ServicePort[]): Violation[] {
  const tls = ports.filter((port) => protocolOf(port) === 'tls');
  if (tls.length === 0 || tls.length === ports.length) return [];
  return tls.map(({ port }) => ({
    code: 'PortCanNotBeDivided',
    field: 'spec.workloadRef',
    message: `Service ${service} serves TLS on port ${port} beside other protocols, and no VirtualService says by which names clients call it`,
    remedy: `Write a VirtualService with a tls route of port ${port} whose sniHosts are the names that clients use, or give the port a Service of its own.`,
  }));
}

/** Ports without a declared protocol whose connections a user's VirtualService does not route. */
export function undeclaredViolations(service: string, ports: ServicePort[], routes: VirtualServiceSpec[]): Violation[] {
  const isRouted = routes.some(({ tcp }) => tcp?.length);
  return ports
    .filter((port) => isUndeclared(port) && NEVER_HTTP.has(port.port) && !isRouted)
    .map(({ port }) => ({
      code: 'PortCanNotBeDivided',
      field: 'spec.workloadRef',
      message: `port ${port} of Service ${service} declares no protocol and is never spoken to by HTTP, and the VirtualService routes only requests of HTTP`,
      remedy: `Declare the protocol (appProtocol: tcp on the port) and route it by a tcp route of the VirtualService.`,
    }));
}

/** Subsets, as `SERVICE/SUBSET`, of the Services' DestinationRules that pick none of the workload's pods. */
export const foreignSubsets = (
  rules: readonly Named<DestinationRuleSpec>[],
  asked: Pick<SurveyRequest, 'namespace' | 'services' | 'podLabels'> & Place,
): string[] =>
  rules.flatMap(({ namespace: at, spec }) => {
    const { services, podLabels, domain } = asked;
    const pair = services.find(({ name }) => serviceHost(name, asked) === resolvedHost(spec.host, at, domain));
    const foreign = (spec.subsets ?? []).filter(({ labels }) => podLabels && labels && isForeign(labels, podLabels));
    return pair ? foreign.map(({ name }) => `${pair.name}/${name}`) : [];
  });

/** Whether pods with these labels are none of the subset's: a label of it has another value, or is missing. */
const isForeign = (subset: Record<string, string>, podLabels: Record<string, string>): boolean =>
  Object.entries(subset).some(([key, value]) => podLabels[key] !== value);

/** The labels of a DestinationRule's subset, as the canary's pods carry them. */
export const subsetLabels = (labels: Record<string, string>, { key, stable, canary }: LabelSwitch) =>
  labels[key] === stable ? { ...labels, [key]: canary } : labels;
