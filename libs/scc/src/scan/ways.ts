import { z } from 'zod';
import { type ClusterObject, groupOf } from './objects.js';
import type { Workload } from './workloads.js';

/** How requests reach a workload. */
export interface Way {
  readonly kind: string;
  readonly name: string;
  /** Whether a migration can divide it: a route of a kind that it divides, or a Service in a namespace of the mesh. */
  readonly divided: boolean;
}

const strings = z.record(z.string(), z.string());
const serviceSchema = z.looseObject({
  spec: z.looseObject({
    selector: strings.nullish(),
    type: z.string().nullish(),
    clusterIP: z.string().nullish(),
    externalIPs: z.array(z.string()).nullish(),
  }),
});
const reference = z.looseObject({
  name: z.string().nullish(),
  kind: z.string().nullish(),
  namespace: z.string().nullish(),
});
const routeSchema = z.looseObject({
  spec: z.looseObject({ to: reference, alternateBackends: z.array(reference).nullish() }),
});

/** Every string under a key, at any depth: backends stand in several places of these kinds, which change by version. */
function* under(value: unknown, keys: ReadonlySet<string>): Generator {
  if (Array.isArray(value)) for (const item of value) yield* under(item, keys);
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      if (keys.has(key)) yield inner;
      yield* under(inner, keys);
    }
}

const keyOf = ({ apiVersion, kind }: ClusterObject): string => `${groupOf(apiVersion)}|${kind}`;

const GATEWAY_API = 'gateway.networking.k8s.io';
const GATEWAY_ROUTES = ['HTTPRoute', 'GRPCRoute'];
/** Kinds of routes at the edge of the cluster that a migration divides. */
export const EDGE_ROUTES: ReadonlySet<string> = new Set([...GATEWAY_ROUTES, 'Route']);
/** Kinds of routes that a migration divides. */
const DIVIDED: ReadonlySet<string> = new Set([
  'networking.istio.io|VirtualService',
  'route.openshift.io|Route',
  ...GATEWAY_ROUTES.map((kind) => `${GATEWAY_API}|${kind}`),
]);
/** The Service that callers within the cluster call by its address. */
export const CLUSTER_SERVICE = 'ClusterIP Service';

/** The Services behind a route of the Gateway API. */
const backendsOf = (spec: unknown, namespace: string): string[] =>
  [...under(spec, new Set(['backendRefs', 'backendRef']))].flat().flatMap((found) => {
    const to = reference.safeParse(found).data;
    return to?.name && (to.kind ?? 'Service') === 'Service' ? [`${to.namespace ?? namespace}/${to.name}`] : [];
  });

/** The Services that an object sends to, as `NAMESPACE/NAME`. */
function targetsOf(object: ClusterObject, fallback: string): string[] {
  const namespace = object.metadata.namespace ?? fallback;
  const spec = object['spec'];
  if (groupOf(object.apiVersion) === GATEWAY_API) return backendsOf(spec, namespace);
  switch (keyOf(object)) {
    case 'networking.k8s.io|Ingress':
      return [...under(spec, new Set(['service']))].flatMap((found) => {
        const name = reference.safeParse(found).data?.name;
        return name ? [`${namespace}/${name}`] : [];
      });
    case 'route.openshift.io|Route': {
      const route = routeSchema.safeParse(object).data?.spec;
      return [route?.to, ...(route?.alternateBackends ?? [])].flatMap((to) =>
        to?.name ? [`${namespace}/${to.name}`] : [],
      );
    }
    case 'networking.istio.io|VirtualService':
      return [...under(spec, new Set(['host']))].flatMap((host) => {
        if (typeof host !== 'string') return [];
        const [name = '', of] = host.split('.');
        return [`${of ?? namespace}/${name}`];
      });
    default:
      return [];
  }
}

const nameOf = ({ metadata }: ClusterObject, fallback: string): string =>
  `${metadata.namespace ?? fallback}/${metadata.name}`;

interface KnownService {
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
  readonly kind: string;
}

function serviceOf(object: ClusterObject, fallback: string): KnownService | null {
  const spec = keyOf(object) === '|Service' ? serviceSchema.safeParse(object).data?.spec : undefined;
  if (!spec?.selector || Object.keys(spec.selector).length === 0) return null;
  const kind =
    spec.clusterIP === 'None'
      ? 'headless Service'
      : spec.externalIPs?.length
        ? 'external address of Service'
        : `${spec.type ?? 'ClusterIP'} Service`;
  return { name: nameOf(object, fallback), selector: spec.selector, kind };
}

/** The ways through one Service: itself, and what sends to it. */
function waysThrough(
  { name, kind }: KnownService,
  { senders, isMeshed, fallback }: { senders: readonly ClusterObject[]; isMeshed: boolean; fallback: string },
): Way[] {
  return [
    { kind, name, divided: isMeshed && kind === CLUSTER_SERVICE },
    ...senders.map((object) => ({
      kind: object.kind,
      name: nameOf(object, fallback),
      divided: DIVIDED.has(keyOf(object)),
    })),
  ];
}

function add<T>(to: Map<string, T[]>, key: string, item: T): void {
  const list = to.get(key);
  if (list) list.push(item);
  else to.set(key, [item]);
}

const inMesh = ({ metadata }: ClusterObject): boolean =>
  metadata.labels?.['istio-injection'] === 'enabled' || metadata.labels?.['istio.io/rev'] !== undefined;

/** The namespaces whose requests pass proxies: by their label, or because a VirtualService stands in them. */
const meshedNamespaces = (objects: readonly ClusterObject[], fallback: string): ReadonlySet<string> =>
  new Set(
    objects.flatMap((object) => {
      if (keyOf(object) === '|Namespace' && inMesh(object)) return [object.metadata.name];
      return keyOf(object) === 'networking.istio.io|VirtualService' ? [object.metadata.namespace ?? fallback] : [];
    }),
  );

/** Ports of the nodes that a pod takes for itself. */
const hostPortsOf = ({ spec }: Workload['template']): Way[] =>
  spec.containers
    .flatMap(({ ports }) => ports ?? [])
    .flatMap(({ hostPort }) =>
      hostPort ? [{ kind: 'port of the node', name: String(hostPort), divided: false }] : [],
    );

/** Finds the ways in of each workload among the objects of a cluster. */
export function waysFinder(objects: readonly ClusterObject[], fallback: string): (workload: Workload) => Way[] {
  const services = new Map<string, KnownService[]>();
  const senders = new Map<string, ClusterObject[]>();
  const meshed = meshedNamespaces(objects, fallback);
  for (const object of objects) {
    for (const target of new Set(targetsOf(object, fallback))) add(senders, target, object);
    const service = serviceOf(object, fallback);
    if (service) add(services, object.metadata.namespace ?? fallback, service);
  }
  return ({ namespace, template }) => {
    const labels = template.metadata?.labels ?? {};
    const selects = ({ selector }: KnownService): boolean =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    const throughServices = (services.get(namespace) ?? []).filter(selects).flatMap((service) =>
      waysThrough(service, {
        senders: senders.get(service.name) ?? [],
        isMeshed: meshed.has(namespace),
        fallback,
      }),
    );
    return [...throughServices, ...hostPortsOf(template)];
  };
}
