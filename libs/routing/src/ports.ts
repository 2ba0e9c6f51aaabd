import type { Violation } from '@scc/plan';

/** Which ports of Services a mesh can divide: the one answer for plans and for scans. */

/** How Istio speaks to a port of a Service, by the port's `appProtocol` or the prefix of its name. */
export type PortProtocol = 'http' | 'tcp' | 'tls' | 'udp';

export interface ServicePort {
  port: number;
  name: string;
  appProtocol: string | null;
  /** Of the transport: TCP, UDP or SCTP. */
  protocol: string;
}

/** What is declared of a port: Istio reads a prefix of either, other than the words of Kubernetes. */
function declaredOf({ name, appProtocol }: Pick<ServicePort, 'name' | 'appProtocol'>): string {
  const said = (appProtocol ?? name).toLowerCase();
  return said.startsWith('kubernetes.io/') ? said : (said.split('-')[0] ?? '');
}

const STREAM = ['tcp', 'mongo', 'mysql', 'redis'];
const TLS = ['tls', 'https', 'kubernetes.io/wss'];

/** A port without a declared protocol is taken for HTTP, which Istio detects from the first bytes. */
export function protocolOf({ protocol, ...port }: Omit<ServicePort, 'port'>): PortProtocol {
  const declared = declaredOf(port);
  if (protocol !== 'TCP' || declared === 'udp') return 'udp';
  if (TLS.includes(declared)) return 'tls';
  if (STREAM.includes(declared)) return 'tcp';
  return 'http';
}

const HTTP = ['http', 'http_proxy', 'http2', 'https', 'grpc', 'kubernetes.io/h2c', 'kubernetes.io/ws'];

/** Whether nothing says how the port is spoken to: Istio then tells HTTP from other connections by their first bytes. */
export const isUndeclared = (port: ServicePort): boolean => {
  return protocolOf(port) === 'http' && !HTTP.includes(declaredOf(port));
};

/** Ports of databases, brokers and mail servers, most of which speak first: their connections are never HTTP. */
const NEVER_HTTP = new Set([21, 22, 25, 1433, 3306, 5432, 5672, 6379, 27017]);

/** Why the ports of a Service cannot be divided, if they cannot. */
export function portViolations(service: string, ports: ServicePort[]): Violation[] {
  return ports
    .filter((port) => protocolOf(port) === 'udp')
    .map(({ port, protocol }) => ({
      code: 'PortCanNotBeDivided',
      field: 'spec.workloadRef',
      message: `Service ${service} serves port ${port} by ${protocol === 'TCP' ? 'what it declares as UDP' : protocol}, which a mesh does not route`,
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

/** A VirtualService, as far as connections are looked at. */
interface RoutedByTcp {
  hosts: readonly string[];
  http?: unknown;
  tcp?: readonly unknown[] | undefined;
}

/** Ports without a declared protocol whose connections a user's VirtualService does not route. */
export function undeclaredViolations(
  service: string,
  ports: ServicePort[],
  routes: readonly RoutedByTcp[],
): Violation[] {
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
