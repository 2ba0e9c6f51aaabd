import { affinityCookie, durationMs, type Accepted, type PlanSpec, type Violation, type WayIn } from '@scc/plan';
import { type Affinity, type Mirror, TO_ENDPOINTS, type UndividedWay } from '@scc/routing';
import type { UnreadKind } from '../cluster/served.js';

/** Ways to reach one Service beside its cluster address: a plan may accept each of them by the Service's name. */
const OF_A_SERVICE = ['NodePort', 'LoadBalancer', 'ExternalIP', 'HeadlessService', 'ExternalName', 'Endpoints'];
const GATEWAY_API = ['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute'];

/** Whether a plan accepts an object of the cluster, by its kind and its name. */
export const isAccepted = (
  accept: readonly Accepted[],
  { kind, name }: { kind: string; name: string },
  namespace: string,
): boolean =>
  accept.some(
    (one) =>
      (one.kind === kind || (one.kind === 'Service' && OF_A_SERVICE.includes(kind))) &&
      (one.name === name || one.name === `${namespace}/${name}`),
  );

/** Whether a plan does without a look at a kind of objects. */
export const isAcceptedUnread = (accept: readonly Accepted[], kind: string): boolean =>
  accept.some((one) => one.kind === kind && one.name === '*');

/** The namespaces that a plan accepts, each by its name alone or behind the one of the plan. */
export const acceptedNamespaces = (accept: readonly Accepted[]): string[] =>
  accept.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name.slice(name.lastIndexOf('/') + 1));

const PAST: Record<string, string> = {
  Ingress: 'its controller sends requests to the pods of the Service, past the routes of the mesh',
  Route: "OpenShift's router sends requests to the pods of the Service, past the routes of the mesh",
  NodePort: 'requests to a port of a node reach its pods past the routes of the mesh',
  LoadBalancer: 'requests to the load balancer reach its pods past the routes of the mesh',
  ExternalIP: 'requests to its external addresses reach its pods past the routes of the mesh',
  HeadlessService: 'its clients look up the addresses of the pods and call one themselves',
  ExternalName: 'it is another name of the Service, which no divided route covers',
  Endpoints: 'the Service does not pick the pods by labels of their template, and its endpoints name them all the same',
  HostPort: 'its clients call the node, and reach whichever pod runs there',
  APIService: 'the API server calls the pods of the Service itself',
  ValidatingWebhookConfiguration: 'the API server calls the pods of the Service itself',
  MutatingWebhookConfiguration: 'the API server calls the pods of the Service itself',
};

const REMEDY: Record<string, string> = {
  Ingress: 'Let the Ingress lead to a gateway of the mesh for the time of the migration',
  Route: 'Let the Route lead to a gateway of the mesh for the time of the migration',
  HeadlessService: 'Let its clients call a Service with a cluster address',
  ExternalName: 'Let its clients call the Service by its own name',
  Endpoints: 'Let its clients call a Service that picks the pods by a label of their template',
  HostPort: 'Let its clients call a Service',
};

const acceptance = (kind: string, name: string): string =>
  `or accept that they are not divided, by spec.traffic.accept: [{kind: ${kind}, name: '${name}'}]`;

/** A way that nothing divides is refused, unless the plan names it: its requests never meet the canary. */
export function wayViolations(ways: readonly WayIn[], accept: readonly Accepted[], namespace: string): Violation[] {
  return ways
    .filter((way) => way.dividedBy === 'Nothing' && !isAccepted(accept, way, namespace))
    .map(({ kind, name }) => ({
      code: GATEWAY_API.includes(kind) ? 'RouteCanNotBeDivided' : 'WayNotDivided',
      field: 'spec.traffic.accept',
      message: `${kind} ${name} leads to the workload, and nothing divides its requests: ${PAST[kind] ?? 'routes of the Gateway API are not divided'}`,
      remedy: `${REMEDY[kind] ?? 'Route its requests by a VirtualService for the time of the migration'}, ${acceptance(kind, name)}.`,
    }));
}

/** The other ways to the workload: where the pods of its Services divide its requests, they divide these, too. */
export const waysBeside = (divided: readonly WayIn[], ways: readonly WayIn[]): WayIn[] =>
  divided.some(({ dividedBy }) => dividedBy === 'Replicas')
    ? ways.map((way) => (TO_ENDPOINTS.has(way.kind) ? { ...way, dividedBy: 'Replicas' } : way))
    : [...ways];

/** The mirror that a plan will ask for; none where it lasts no time. */
export const mirrorOf = ({ mirror: { duration, percentage, methods } }: PlanSpec['traffic']): Mirror | null =>
  durationMs(duration) > 0 ? { percentage, methods } : null;

/** The cookie by which clients of a plan stay at its canary; none unless the plan asks for it. */
export const affinityOf = ({ affinity }: PlanSpec['traffic'], uid: string): Affinity | undefined =>
  affinity && {
    ...affinityCookie(uid),
    ...(affinity.cookie === undefined ? {} : { cookie: affinity.cookie }),
    maxAgeS: Math.round(durationMs(affinity.maxAge) / 1000),
  };

/** Ways that a router found and does not divide, as status names them. */
export const asWays = (undivided: readonly UndividedWay[]): WayIn[] =>
  undivided.map(({ kind, name }) => ({ kind, name, dividedBy: 'Nothing' }));

/** Why a router does not divide a way that it found, unless the plan accepts that. */
export const undividedViolations = (
  undivided: readonly UndividedWay[],
  accept: readonly Accepted[],
  namespace: string,
): Violation[] =>
  undivided
    .filter((way) => !isAccepted(accept, way, namespace))
    .map(({ kind, name, code, reason, remedy }) => ({
      code,
      field: 'spec.traffic.accept',
      message: `${kind} ${name} leads to the workload, and nothing divides its requests: ${reason}`,
      remedy: `${remedy}, ${acceptance(kind, name)}.`,
    }));

/** Kinds that might send requests to the workload, and that the worker may not read. */
export function unreadViolations(unread: readonly UnreadKind[], accept: readonly Accepted[]): Violation[] {
  return unread
    .filter(({ kind }) => !isAcceptedUnread(accept, kind))
    .map(({ kind, reason }) => ({
      code: 'RoutesCannotBeRead',
      field: 'spec.traffic.accept',
      message: `whether a ${kind} sends requests to the workload is not known: ${reason}`,
      remedy: `Give the worker list on it, or do without a look at them, by spec.traffic.accept: [{kind: ${kind}, name: '*'}].`,
    }));
}

/** The meaning of an accepted way for its clients. */
export const wayWarnings = (ways: readonly WayIn[]): string[] =>
  ways
    .filter(({ dividedBy }) => dividedBy === 'Nothing')
    .map(
      ({ kind, name }) =>
        `${kind} ${name} is accepted: its requests are not divided, not counted, and meet the migrated pods when the workload is rolled out`,
    );
