import { isRecord, type WayIn } from '@scc/plan';

/** Which ways lead to a workload beside the routes of the mesh: the one answer for plans and for scans. */

interface ServiceName {
  namespace: string;
  name: string;
}

/** A kind whose objects send requests to Services on their own account, past every router of ours. */
export interface Sender {
  group: string;
  /** Newest first. */
  versions: readonly string[];
  kind: string;
  /** Whether only objects of the Services' own namespace can name them. */
  isLocal: boolean;
}

export const SENDERS: readonly Sender[] = [
  { group: 'networking.k8s.io', versions: ['v1'], kind: 'Ingress', isLocal: true },
  { group: 'route.openshift.io', versions: ['v1'], kind: 'Route', isLocal: true },
  ...['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute'].map((kind) => ({
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1', 'v1alpha3', 'v1alpha2'],
    kind,
    isLocal: false,
  })),
  ...['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'].map((kind) => ({
    group: 'admissionregistration.k8s.io',
    versions: ['v1'],
    kind,
    isLocal: false,
  })),
  { group: 'apiregistration.k8s.io', versions: ['v1'], kind: 'APIService', isLocal: false },
];

/**
 * Ways that end at the endpoints of a Service, each connection or request at one of them: where the Service's own pods
 * divide it, they divide these, too.
 */
export const TO_ENDPOINTS: ReadonlySet<string> = new Set([
  'Ingress',
  'NodePort',
  'LoadBalancer',
  'ExternalIP',
  'ExternalName',
  'APIService',
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
]);

/** Under these keys an object names Services: alone, or in a list. */
const REFERENCES = ['service', 'backendRefs', 'backendRef', 'to', 'alternateBackends'];

/** Every Service that a value names under one of the keys, in whatever depth. */
export function namedServices(value: unknown, own: string): ServiceName[] {
  if (Array.isArray(value)) return value.flatMap((item) => namedServices(item, own));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const named = REFERENCES.includes(key) ? (Array.isArray(item) ? item : [item]) : [];
    return [...named.flatMap((one) => serviceIn(one, own)), ...namedServices(item, own)];
  });
}

function serviceIn(reference: unknown, own: string): ServiceName[] {
  if (!isRecord(reference)) return [];
  const { name, namespace, kind } = reference;
  if (typeof name !== 'string' || (kind !== undefined && kind !== 'Service')) return [];
  return [{ name, namespace: typeof namespace === 'string' ? namespace : own }];
}

/** A way whose requests no router divides. */
export const undividedWay = (kind: string, name: string): WayIn => ({ kind, name, dividedBy: 'Nothing' });

/** The fields of a Service that say how it is reached. */
export interface ServiceSpec {
  type?: unknown;
  clusterIP?: unknown;
  externalIPs?: unknown;
  externalName?: unknown;
}

/** How a Service can be reached beside its cluster address, which a proxy of the mesh routes. */
export function waysOfService({ type, clusterIP, externalIPs }: ServiceSpec, name: string): WayIn[] {
  return [
    ...(type === 'NodePort' || type === 'LoadBalancer' ? [undividedWay(type, name)] : []),
    ...(Array.isArray(externalIPs) && externalIPs.length > 0 ? [undividedWay('ExternalIP', name)] : []),
    ...(clusterIP === 'None' ? [undividedWay('HeadlessService', name)] : []),
  ];
}

/**
 * The Service of which one is another name, as `NAMESPACE/NAME`; null for one that is no name of a Service. Requests
 * are routed, if at all, by that other name.
 * @param domain of the cluster, such as `cluster.local`
 */
export function aliasOf({ type, externalName }: ServiceSpec, domain: string): string | null {
  if (type !== 'ExternalName' || typeof externalName !== 'string') return null;
  const host = externalName.replace(/\.$/, '');
  const [name = '', namespace = '', ...rest] = host.split('.');
  return ['svc', `svc.${domain}`].includes(rest.join('.')) ? `${namespace}/${name}` : null;
}

/** Ports of the node that a template's containers take: their clients call the node, not a Service. */
export function hostPortsOf(podSpec: unknown): WayIn[] {
  if (!isRecord(podSpec)) return [];
  const isOnHost = podSpec['hostNetwork'] === true;
  const containers = ['initContainers', 'containers'].flatMap((list): unknown[] =>
    Array.isArray(podSpec[list]) ? podSpec[list] : [],
  );
  const ports = containers.flatMap((container): unknown[] =>
    isRecord(container) && Array.isArray(container['ports']) ? container['ports'] : [],
  );
  const taken = ports.flatMap((port) => {
    if (!isRecord(port)) return [];
    const { hostPort, containerPort } = port;
    const number = typeof hostPort === 'number' && hostPort > 0 ? hostPort : isOnHost ? containerPort : undefined;
    return typeof number === 'number' ? [String(number)] : [];
  });
  return [...new Set(taken)].map((port) => undividedWay('HostPort', port));
}
