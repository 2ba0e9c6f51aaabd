import type { KubeClient, KubeObject } from '@scc/kube';
import { isRecord, type WayIn } from '@scc/plan';
import { listServed, nameIn, type UnreadKind } from './served.js';

/** The Services of a workload and its pods, as far as ways to them are looked for. */
export interface Reached {
  namespace: string;
  services: readonly string[];
  /** The pod template's spec. */
  podSpec: unknown;
  domain: string;
}

export interface WaysIn {
  ways: WayIn[];
  unread: UnreadKind[];
}

interface ServiceName {
  namespace: string;
  name: string;
}

/** A kind whose objects send requests to Services on their own account, past every router of ours. */
interface Sender {
  group: string;
  versions: readonly string[];
  kind: string;
  /** Whether only objects of the Services' own namespace can name them. */
  isLocal: boolean;
}

/** Which Services an object of the kinds below sends to. */
const SENDERS: readonly Sender[] = [
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

const undivided = (kind: string, name: string): WayIn => ({ kind, name, dividedBy: 'Nothing' });

async function sentBy(
  kube: Pick<KubeClient, 'list'>,
  sender: Sender,
  { namespace, services }: Reached,
): Promise<WaysIn> {
  const { objects, unread } = await listServed(kube, sender, sender.isLocal ? namespace : undefined);
  const leads = (object: KubeObject): boolean =>
    namedServices({ ...object, metadata: null }, object.metadata.namespace ?? '').some(
      (named) => named.namespace === namespace && services.includes(named.name),
    );
  return { ways: objects.filter(leads).map((object) => undivided(sender.kind, nameIn(namespace, object))), unread };
}

interface ServiceSpec {
  type?: unknown;
  clusterIP?: unknown;
  externalIPs?: unknown;
  externalName?: unknown;
}

/** How a Service can be reached beside its cluster address, which a proxy of the mesh routes. */
export function waysOfService({ type, clusterIP, externalIPs }: ServiceSpec, name: string): WayIn[] {
  return [
    ...(type === 'NodePort' || type === 'LoadBalancer' ? [undivided(type, name)] : []),
    ...(Array.isArray(externalIPs) && externalIPs.length > 0 ? [undivided('ExternalIP', name)] : []),
    ...(clusterIP === 'None' ? [undivided('HeadlessService', name)] : []),
  ];
}

/** A name of another Service that leads to one of these: its requests are routed, if at all, by that other name. */
const isAlias = ({ type, externalName }: ServiceSpec, { namespace, services, domain }: Reached): boolean =>
  type === 'ExternalName' &&
  typeof externalName === 'string' &&
  services.some((name) =>
    [`${name}.${namespace}.svc.${domain}`, `${name}.${namespace}.svc`].includes(externalName.replace(/\.$/, '')),
  );

async function waysByServices(kube: Pick<KubeClient, 'list'>, reached: Reached): Promise<WayIn[]> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Service' });
  return items.flatMap((service) => {
    const spec: ServiceSpec = isRecord(service['spec']) ? service['spec'] : {};
    const { name = '', namespace } = service.metadata;
    if (isAlias(spec, reached)) return [undivided('ExternalName', nameIn(reached.namespace, service))];
    return namespace === reached.namespace && reached.services.includes(name) ? waysOfService(spec, name) : [];
  });
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
  return [...new Set(taken)].map((port) => undivided('HostPort', port));
}

/** Every way to the workload that the API shows and that is not a route of the mesh. */
export async function readWaysIn(kube: Pick<KubeClient, 'list'>, reached: Reached): Promise<WaysIn> {
  const bySender = await Promise.all(SENDERS.map((sender) => sentBy(kube, sender, reached)));
  return {
    ways: [
      ...(await waysByServices(kube, reached)),
      ...bySender.flatMap(({ ways }) => ways),
      ...hostPortsOf(reached.podSpec),
    ],
    unread: bySender.flatMap(({ unread }) => unread),
  };
}
