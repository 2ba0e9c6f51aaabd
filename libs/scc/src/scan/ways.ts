import {
  aliasOf,
  hasAgreed,
  hostPortsOf,
  isInMesh,
  namedServices,
  type Sender,
  SENDERS,
  TO_ENDPOINTS,
} from '@scc/routing';
import { z } from 'zod';
import { CLUSTER_SCOPED } from './kinds.js';
import { type ClusterObject, controllerOf, groupOf } from './objects.js';
import {
  addTo,
  CLUSTER_SERVICE,
  HEADLESS_SERVICE,
  isService,
  type ScannedService,
  selectingService,
  selectsLabels,
  serviceSpecOf,
} from './services.js';
import type { Workload } from './workloads.js';

/** How requests reach a workload. */
export interface Way {
  readonly kind: string;
  readonly name: string;
  /** Whether a migration can divide it: a route of a kind that it divides, or a Service that the mesh or its pods divide. */
  readonly divided: boolean;
}

/** Every string under a key, at any depth. */
function* under(value: unknown, key: string): Generator {
  if (Array.isArray(value)) for (const item of value) yield* under(item, key);
  else if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) {
      if (name === key) yield inner;
      yield* under(inner, key);
    }
}

const keyOf = ({ apiVersion, kind }: Pick<ClusterObject, 'apiVersion' | 'kind'>): string =>
  `${groupOf(apiVersion)}|${kind}`;

const GATEWAY_API = 'gateway.networking.k8s.io';
const VIRTUAL_SERVICE = 'networking.istio.io|VirtualService';
const ROUTE = 'route.openshift.io|Route';
/** Kinds of routes at the edge of the cluster that a migration divides. */
const EDGE_ROUTES: ReadonlySet<string> = new Set([
  ROUTE,
  ...['HTTPRoute', 'GRPCRoute'].map((kind) => `${GATEWAY_API}|${kind}`),
]);
const SENDER_BY_KEY: ReadonlyMap<string, Sender> = new Map(
  SENDERS.map((sender) => [`${sender.group}|${sender.kind}`, sender]),
);
/** Of the cluster; a name of a Service in another one is taken for a name outside. */
const DOMAIN = 'cluster.local';

/** The Services that an object sends to, as `NAMESPACE/NAME`. */
function targetsOf(object: ClusterObject, fallback: string): string[] {
  const namespace = object.metadata.namespace ?? fallback;
  if (isService(object)) {
    const alias = aliasOf(serviceSpecOf(object), DOMAIN);
    return alias === null ? [] : [alias];
  }
  if (keyOf(object) === VIRTUAL_SERVICE)
    return [...under(object['spec'], 'host')].flatMap((host) => {
      if (typeof host !== 'string') return [];
      const [name = '', of] = host.split('.');
      return [`${of ?? namespace}/${name}`];
    });
  const sender = SENDER_BY_KEY.get(keyOf(object));
  if (!sender) return [];
  return namedServices({ ...object, metadata: null }, namespace)
    .filter((to) => !sender.isLocal || to.namespace === namespace)
    .map((to) => `${to.namespace}/${to.name}`);
}

const nameOf = ({ kind, metadata }: ClusterObject, fallback: string): string =>
  CLUSTER_SCOPED.has(kind) ? metadata.name : `${metadata.namespace ?? fallback}/${metadata.name}`;

const backend = z.looseObject({ weight: z.number().nullish() });
const routeSchema = z.looseObject({
  spec: z.looseObject({ to: backend, alternateBackends: z.array(backend).nullish() }),
});
/** More alternates a Route cannot have: the canary has to be one of them. */
const MAX_ALTERNATES = 3;
const BALANCE = 'haproxy.router.openshift.io/balance';
/** Ways to choose a pod that look at no weight. */
const UNWEIGHED = ['leastconn', 'source'];

/** A Route that nobody writes back, with room for the canary, whose weights count. */
function isWeighedRoute(object: ClusterObject): boolean {
  const spec = routeSchema.safeParse(object).data?.spec;
  if (!spec || controllerOf(object)) return false;
  const alternates = spec.alternateBackends ?? [];
  const hasWeight = [spec.to, ...alternates].some(({ weight }) => (weight ?? 100) > 0);
  return (
    alternates.length < MAX_ALTERNATES && hasWeight && !UNWEIGHED.includes(object.metadata.annotations?.[BALANCE] ?? '')
  );
}

/** Clients that stay where they are, and copies that a user has made of requests, are not divided. */
const isPlain = (object: ClusterObject): boolean =>
  keyOf(object) === ROUTE
    ? isWeighedRoute(object)
    : ['sessionPersistence', 'requestMirror'].every((key) => under(object['spec'], key).next().done === true);

/** What the objects of a cluster say of its namespaces. */
class Namespaces {
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  readonly #meshed = new Set<string>();

  constructor(objects: readonly ClusterObject[], fallback: string) {
    for (const object of objects) {
      const { name, namespace, labels } = object.metadata;
      if (keyOf(object) === '|Namespace') {
        this.#labels.set(name, labels ?? {});
        if (isInMesh(labels ?? {})) this.#meshed.add(name);
      } else if (keyOf(object) === VIRTUAL_SERVICE) this.#meshed.add(namespace ?? fallback);
    }
  }

  /** Whether its requests pass proxies: by its label, or because a VirtualService stands in it. */
  isMeshed(name: string): boolean {
    return this.#meshed.has(name);
  }

  /** Whether routes of it may be written for a migration of another namespace; one that was not given may. */
  hasAgreed(name: string): boolean {
    const labels = this.#labels.get(name);
    return labels === undefined || hasAgreed(labels);
  }
}

/** A pod that asks for a proxy itself. */
const asksForProxy = ({ template: { metadata } }: Workload): boolean =>
  [metadata?.labels, metadata?.annotations].some((marks) => marks?.['sidecar.istio.io/inject'] === 'true');

/** The ways in of a workload, and the Services that they lead through. */
export interface ScannedWays {
  readonly ways: Way[];
  readonly services: readonly ScannedService[];
  /** Services whose requests proxies of the mesh route. */
  readonly meshed: readonly ScannedService[];
  /** Whether a gateway or a router at the edge of the cluster divides requests. */
  readonly hasEdge: boolean;
  /** Those of the VirtualServices that send to a Service. */
  readonly routesTo: (service: ScannedService) => readonly ClusterObject[];
}

/** Finds the ways in of each workload among the objects of a cluster. */
export function waysFinder(objects: readonly ClusterObject[], fallback: string): (workload: Workload) => ScannedWays {
  const services = new Map<string, ScannedService[]>();
  const senders = new Map<string, ClusterObject[]>();
  const namespaces = new Namespaces(objects, fallback);
  for (const object of objects) {
    for (const target of new Set(targetsOf(object, fallback))) addTo(senders, target, object);
    const service = selectingService(object, fallback);
    if (service) addTo(services, service.namespace, service);
  }
  const sendersTo = ({ namespace, name }: ScannedService): readonly ClusterObject[] =>
    senders.get(`${namespace}/${name}`) ?? [];
  const routesTo = (service: ScannedService): ClusterObject[] =>
    sendersTo(service).filter((object) => keyOf(object) === VIRTUAL_SERVICE);
  const isDivided = (object: ClusterObject, own: string): boolean => {
    const namespace = object.metadata.namespace ?? fallback;
    const isKnown = keyOf(object) === VIRTUAL_SERVICE || (EDGE_ROUTES.has(keyOf(object)) && isPlain(object));
    return isKnown && (namespace === own || namespaces.hasAgreed(namespace));
  };
  return (workload) => {
    const { namespace, template } = workload;
    const labels = template.metadata?.labels ?? {};
    const selecting = (services.get(namespace) ?? []).filter(({ selector }) => selectsLabels(selector, labels));
    const isMeshed = (service: ScannedService): boolean =>
      namespaces.isMeshed(namespace) || asksForProxy(workload) || routesTo(service).length > 0;
    const hasEdge = selecting.some((service) =>
      sendersTo(service).some((object) => EDGE_ROUTES.has(keyOf(object)) && isDivided(object, namespace)),
    );
    // Where neither a mesh nor a route divides anything, the Services are divided by their pods.
    const isByPods = !hasEdge && !selecting.some(isMeshed);
    const through = selecting.flatMap((service): Way[] => [
      {
        kind: service.kind,
        name: `${namespace}/${service.name}`,
        divided: isByPods ? service.kind !== HEADLESS_SERVICE : isMeshed(service) && service.kind === CLUSTER_SERVICE,
      },
      ...sendersTo(service).map((object) => ({
        kind: isService(object) ? 'ExternalName Service' : object.kind,
        name: nameOf(object, fallback),
        divided: isDivided(object, namespace) || (isByPods && (isService(object) || TO_ENDPOINTS.has(object.kind))),
      })),
    ]);
    const ports = hostPortsOf(template.spec).map(({ name }) => ({ kind: 'port of the node', name, divided: false }));
    return {
      ways: [...through, ...ports],
      services: selecting,
      meshed: selecting.filter(isMeshed),
      hasEdge,
      routesTo,
    };
  };
}
