import {
  isUndeclared,
  type LabelSwitch,
  type PortProtocol,
  protocolOf,
  type ServicePort,
  type SurveyRequest,
} from '@scc/routing';
import { destinationLists, sendsTo, type RouteScope } from './canary-routes.js';
import { coversHost, DEFAULT_DOMAIN, type Place, resolvedHost, serviceHost } from './hosts.js';
import { isForAll } from './mesh-config.js';
import type { DestinationRuleSpec, VirtualServiceSpec } from './schema.js';

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

/** Whether a VirtualService is there for the proxies of all namespaces; one that does not say it follows the mesh. */
const isSeenByAll = ({ exportTo }: VirtualServiceSpec, byDefault: readonly string[]): boolean =>
  isForAll(exportTo?.length ? exportTo : byDefault);

export const scopeFor = (
  { namespace, services, foreign, domain, testers, affinity }: Omit<RouteScope, 'routeNamespace'>,
  routeNamespace: string,
): RouteScope => ({
  namespace,
  services,
  ...(foreign ? { foreign } : {}),
  ...(domain === undefined ? {} : { domain }),
  ...(testers ? { testers } : {}),
  ...(affinity ? { affinity } : {}),
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
export function findRoutes(
  all: Named<VirtualServiceSpec>[],
  asked: Omit<RouteScope, 'routeNamespace'>,
  byDefault: readonly string[] = ['*'],
): FoundRoutes {
  const { namespace, services, domain = DEFAULT_DOMAIN } = asked;
  const divided = all.filter(({ namespace: routeNamespace, spec }) => {
    const scope = scopeFor(asked, routeNamespace);
    return destinationLists(spec).some((list) => sendsTo(list, scope));
  });
  const unrouted = services
    .map(({ name }) => name)
    .filter((name) => {
      const host = serviceHost(name, { namespace, domain });
      return !all.some((route) => isSeenByAll(route.spec, byDefault) && governsMesh(route, host, domain));
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
