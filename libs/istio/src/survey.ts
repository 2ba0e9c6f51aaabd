import type { Violation } from '@scc/plan';
import type { LabelSwitch, ServicePair } from '@scc/routing';
import { destinationLists, sendsTo, type Scope } from './canary-routes.js';
import { coversHost, resolvedHost, serviceHost } from './hosts.js';
import type { VirtualServiceSpec } from './schema.js';

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

/** A port whose protocol nobody declares is taken for HTTP, which Istio detects from the first bytes. */
export function protocolOf({ name, appProtocol, protocol }: ServicePort): PortProtocol {
  if (protocol !== 'TCP') return 'udp';
  const declared = (appProtocol ?? name.split('-')[0] ?? '').toLowerCase();
  if (TLS.includes(declared)) return 'tls';
  if (STREAM.includes(declared)) return 'tcp';
  return 'http';
}

export interface Named<Spec> {
  namespace: string;
  name: string;
  spec: Spec;
}

/** Whether requests of the mesh to this host are routed by the VirtualService. */
const governsMesh = ({ namespace, spec }: Named<VirtualServiceSpec>, host: string): boolean =>
  (spec.gateways ?? ['mesh']).includes('mesh') &&
  spec.hosts.some((pattern) => coversHost(resolvedHost(pattern, namespace), host));

export const scopeFor = (namespace: string, services: ServicePair[], routeNamespace: string): Scope => ({
  namespace,
  services,
  routeNamespace,
});

export interface FoundRoutes {
  /** VirtualServices that send requests to one of the Services. */
  divided: { namespace: string; name: string }[];
  /** Services whose requests within the mesh no VirtualService routes: they get one for the time of the migration. */
  unrouted: string[];
}

/** Which of a cluster's VirtualServices matter to the Services, and for which Services none does. */
export function findRoutes(
  all: Named<VirtualServiceSpec>[],
  { namespace, services }: { namespace: string; services: ServicePair[] },
): FoundRoutes {
  const divided = all.filter(({ namespace: routeNamespace, spec }) => {
    const scope = scopeFor(namespace, services, routeNamespace);
    return destinationLists(spec).some((list) => sendsTo(list, scope));
  });
  const unrouted = services
    .map(({ name }) => name)
    .filter((name) => !all.some((route) => governsMesh(route, serviceHost(name, namespace))));
  return { divided: divided.map(({ namespace: at, name }) => ({ namespace: at, name })), unrouted };
}

/** The VirtualService of a Service that has none: what Istio does by default, said in words that can be divided. */
export function ownRoutes(service: string, namespace: string, ports: ServicePort[]): VirtualServiceSpec {
  const host = serviceHost(service, namespace);
  const to = (port: number) => [{ destination: { host, port: { number: port } } }];
  const byPort = (wanted: PortProtocol) => ports.filter((port) => protocolOf(port) === wanted).map(({ port }) => port);
  const http = byPort('http').map((port) => ({ match: [{ port }], route: to(port) }));
  const tcp = byPort('tcp').map((port) => ({ match: [{ port }], route: to(port) }));
  const tls = byPort('tls').map((port) => ({ match: [{ port, sniHosts: [host] }], route: to(port) }));
  return {
    hosts: [host],
    ...(http.length ? { http } : {}),
    ...(tcp.length ? { tcp } : {}),
    ...(tls.length ? { tls } : {}),
  };
}

/** Why the ports of a Service can not be divided, if they can not. */
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

/** The labels of a DestinationRule's subset, as the canary's pods carry them. */
export const subsetLabels = (labels: Record<string, string>, { key, stable, canary }: LabelSwitch) =>
  labels[key] === stable ? { ...labels, [key]: canary } : labels;
