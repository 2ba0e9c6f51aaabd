import {
  type Affinity,
  cookiePattern,
  divided,
  expiredCookie,
  isSticky,
  keptCookie,
  reduced,
  type Mirror,
  type ServicePair,
  type Split,
  type Testers,
} from '@scc/routing';
import { type Place, resolvedHost, serviceHost } from './hosts.js';
import {
  mirrorSchema,
  type HttpRoute,
  type RouteDestination,
  type StreamRoute,
  type VirtualServiceSpec,
} from './schema.js';

/** Which Services are divided, and the namespace in which a VirtualService's short names are meant. */
export interface RouteScope extends Place {
  services: ServicePair[];
  /** Of the VirtualService. */
  routeNamespace: string;
  /** Subsets, as `SERVICE/SUBSET`, that pick pods of other workloads. */
  foreign?: ReadonlySet<string>;
  /** Whose requests all go to the canary, beside its share. */
  testers?: Testers | undefined;
  /** By which clients that met the canary stay there while it has a share. */
  affinity?: Affinity | undefined;
}

/** Marks a route that exists only to mirror safe requests. */
const MIRROR_ROUTE = 'scc-mirror';
/** Marks a route that exists only for testers. */
const TESTERS_ROUTE = 'scc-testers';
/** Marks a route that exists only for clients that carry the cookie of the canary. */
const RETURNING_ROUTE = 'scc-returning';
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const SAFE_METHOD = { regex: SAFE_METHODS.join('|') };

const hostOf = (host: string, { routeNamespace, domain }: RouteScope): string =>
  resolvedHost(host, routeNamespace, domain);

type Destination = RouteDestination['destination'];

const pairOfStable = ({ host, subset }: Destination, scope: RouteScope): ServicePair | undefined =>
  scope.services.find(
    ({ name }) => serviceHost(name, scope) === hostOf(host, scope) && !scope.foreign?.has(`${name}/${subset ?? ''}`),
  );

const isCanary = (host: string, scope: RouteScope): boolean =>
  scope.services.some(({ canary }) => serviceHost(canary, scope) === hostOf(host, scope));

const canaryHost = ({ canary }: ServicePair, scope: RouteScope): string => serviceHost(canary, scope);

/** What Istio takes an absent weight for: all of it where there is no other destination, else nothing. */
const weightOf = ({ weight }: RouteDestination, all: readonly RouteDestination[]): number =>
  weight ?? (all.length === 1 ? 100 : 0);

const withWeights = (destinations: RouteDestination[], weights: number[]): RouteDestination[] => {
  const small = reduced(weights);
  return destinations.map((destination, index) => ({ ...destination, weight: small[index] ?? 0 }));
};

/** A destination that is alone gets everything and needs no weight. */
const withNeededWeights = (destinations: RouteDestination[], weights: number[]): RouteDestination[] =>
  destinations.length > 1 ? withWeights(destinations, weights) : destinations.map(({ weight: _all, ...only }) => only);

/** Whether a list of destinations names one of the Services. */
export const sendsTo = (destinations: readonly RouteDestination[] | undefined, scope: RouteScope): boolean =>
  (destinations ?? []).some(({ destination }) => pairOfStable(destination, scope) !== undefined);

/** Every list of destinations of a VirtualService. */
export const destinationLists = ({ http, tls, tcp }: VirtualServiceSpec): RouteDestination[][] =>
  [...(http ?? []), ...(tls ?? []), ...(tcp ?? [])].flatMap(({ route }) => (route ? [route] : []));

/** The same destination, whose answers tell the client to keep a cookie. */
const telling = (destination: RouteDestination, cookie: string): RouteDestination => {
  const { headers } = destination;
  const add = { ...headers?.response?.add, 'set-cookie': cookie };
  return { ...destination, headers: { ...headers, response: { ...headers?.response, add } } };
};

function divide(destinations: RouteDestination[], percent: number, scope: RouteScope): RouteDestination[] {
  if (!sendsTo(destinations, scope)) return destinations;
  const parts = destinations.flatMap((destination): { destination: RouteDestination; weight: number }[] => {
    const weight = weightOf(destination, destinations);
    const pair = pairOfStable(destination.destination, scope);
    if (!pair) return [{ destination, weight: weight * 100 }];
    const { stable, canary } = divided(weight, percent);
    const toCanary = {
      ...destination,
      destination: { ...destination.destination, host: canaryHost(pair, scope) },
    };
    return [
      { destination, weight: stable },
      { destination: toCanary, weight: canary },
    ];
  });
  return withWeights(
    parts.map(({ destination }) => destination),
    parts.map(({ weight }) => weight),
  );
}

/** Gives each canary's weight back to the destination that it was taken from, which stands right before it. */
function undivide(destinations: RouteDestination[], scope: RouteScope): RouteDestination[] {
  if (!destinations.some(({ destination }) => isCanary(destination.host, scope))) return destinations;
  const kept: RouteDestination[] = [];
  const weights: number[] = [];
  for (const destination of destinations) {
    const weight = destination.weight ?? 0;
    if (isCanary(destination.destination.host, scope) && kept.length > 0)
      weights[kept.length - 1] = (weights[kept.length - 1] ?? 0) + weight;
    else {
      kept.push(destination);
      weights.push(weight);
    }
  }
  return withNeededWeights(kept, weights);
}

/** The user's own mirrors, in the one form that takes several. */
const mirrorsOf = ({ mirror, mirrorPercentage, mirrors }: HttpRoute): NonNullable<HttpRoute['mirrors']> => [
  ...(mirror ? [{ destination: mirror, ...(mirrorPercentage ? { percentage: mirrorPercentage } : {}) }] : []),
  ...(mirrors ?? []),
];

function mirrored(route: HttpRoute, { percentage }: Mirror, scope: RouteScope): HttpRoute {
  const { mirror: _mirror, mirrorPercentage: _percentage, ...rest } = route;
  const targets = (route.route ?? []).flatMap(({ destination }) => {
    const pair = pairOfStable(destination, scope);
    return pair ? [{ ...destination, host: canaryHost(pair, scope) }] : [];
  });
  const [destination] = targets;
  if (!destination) return route;
  return { ...rest, mirrors: [...mirrorsOf(route), { destination, percentage: { value: percentage } }] };
}

/** The conditions of a route, narrowed to methods that change nothing; none is left when it was for others only. */
function safeMatches(route: HttpRoute): NonNullable<HttpRoute['match']> {
  const matches = route.match?.length ? route.match : [{}];
  return matches.flatMap((match) => {
    const { method } = match;
    if (!method) return [{ ...match, method: SAFE_METHOD }];
    return method.exact !== undefined && SAFE_METHODS.includes(method.exact) ? [match] : [];
  });
}

const markedName = ({ name }: HttpRoute, mark: string): string => (name === undefined ? mark : `${name}-${mark}`);
const isMarked = ({ name }: HttpRoute, mark: string): boolean => name === mark || name?.endsWith(`-${mark}`) === true;

function withMirror(route: HttpRoute, mirror: Mirror | null, scope: RouteScope): HttpRoute[] {
  if (!mirror || !sendsTo(route.route, scope)) return [route];
  if (mirror.methods === 'All') return [mirrored(route, mirror, scope)];
  const match = safeMatches(route);
  if (match.length === 0) return [route];
  return [{ ...mirrored(route, mirror, scope), name: markedName(route, MIRROR_ROUTE), match }, route];
}

/** Whether a route says something of a header itself, in any spelling. */
export const asksForHeader = ({ match }: HttpRoute, header: string): boolean =>
  (match ?? []).some(({ headers, withoutHeaders }) =>
    [headers, withoutHeaders].some((asked) => Object.keys(asked ?? {}).some((name) => name.toLowerCase() === header)),
  );

/** Whether the answers of a route, or of a destination, have a cookie changed by its user. */
export const changesCookies = ({ headers }: Pick<HttpRoute, 'headers'>): boolean => {
  const { add, set, remove = [] } = headers?.response ?? {};
  return [...Object.keys({ ...add, ...set }), ...remove].some((name) => name.toLowerCase() === 'set-cookie');
};

const narrowed = ({ match }: HttpRoute, headers: Record<string, object>): NonNullable<HttpRoute['match']> =>
  (match?.length ? match : [{}]).map((one) => ({ ...one, headers: { ...one.headers, ...headers } }));

/** The destinations of a route with the canary in the place of the workload. */
function canaryAlone(route: HttpRoute, scope: RouteScope): RouteDestination[] {
  const all = route.route ?? [];
  const toCanary = all.map((destination) => {
    const pair = pairOfStable(destination.destination, scope);
    if (!pair) return destination;
    return { ...destination, destination: { ...destination.destination, host: canaryHost(pair, scope) } };
  });
  const weights = all.map((destination) => weightOf(destination, all));
  return withNeededWeights(toCanary, weights);
}

/** The route that testers meet before another one: the same, but with the canary in the place of the workload. */
function testersRoute(route: HttpRoute, scope: RouteScope): HttpRoute[] {
  const { testers } = scope;
  if (!testers || testers.isHeld || !sendsTo(route.route, scope) || asksForHeader(route, testers.header)) return [];
  const match = narrowed(route, { [testers.header]: { exact: testers.value } });
  return [{ ...route, name: markedName(route, TESTERS_ROUTE), match, route: canaryAlone(route, scope) }];
}

/**
 * The route that clients meet which carry the cookie of the canary. While both sides have a share it leads there alone;
 * at its ends it leads where all others do, and takes the cookie away.
 */
function returningRoute(route: HttpRoute, split: Split, scope: RouteScope): HttpRoute[] {
  const { affinity } = scope;
  if (!affinity || split.mirror || !sendsTo(route.route, scope)) return [];
  const match = narrowed(route, { cookie: { regex: cookiePattern(affinity) } });
  const name = markedName(route, RETURNING_ROUTE);
  if (isSticky(split)) return [{ ...route, name, match, route: canaryAlone(route, scope) }];
  const cookie = expiredCookie(affinity);
  return [{ ...route, name, match, route: (route.route ?? []).map((destination) => telling(destination, cookie)) }];
}

/** The same route, whose canary tells clients to come back to it. */
function keeping(route: HttpRoute, split: Split, scope: RouteScope): HttpRoute {
  const { affinity } = scope;
  if (!affinity || !isSticky(split) || isOurs(route) || !route.route) return route;
  const cookie = keptCookie(affinity);
  const destinations = route.route.map((destination) =>
    isCanary(destination.destination.host, scope) ? telling(destination, cookie) : destination,
  );
  return { ...route, route: destinations };
}

const isOurs = (route: HttpRoute): boolean =>
  [MIRROR_ROUTE, TESTERS_ROUTE, RETURNING_ROUTE].some((mark) => isMarked(route, mark));

/** One mirror that is left is written as most people write it; `restored` knows the user's own words. */
function withoutMirror(route: HttpRoute, scope: RouteScope): HttpRoute {
  if (!route.mirrors?.some(({ destination }) => isCanary(destination.host, scope))) return route;
  const { mirrors, ...rest } = route;
  const kept = mirrors.filter(({ destination }) => !isCanary(destination.host, scope));
  const [only, ...more] = kept;
  if (!only) return rest;
  const { destination, percentage } = mirrorSchema.parse(only);
  if (more.length) return { ...rest, mirrors: kept };
  return { ...rest, mirror: destination, ...(percentage ? { mirrorPercentage: percentage } : {}) };
}

const stream = (routes: StreamRoute[] | undefined, change: (list: RouteDestination[]) => RouteDestination[]) =>
  routes?.map((entry) => (entry.route ? { ...entry, route: change(entry.route) } : entry));

/** Puts new lists into a spec; what the spec did not have is not added. */
const withLists = (
  spec: VirtualServiceSpec,
  lists: { http: HttpRoute[] | undefined; tls: StreamRoute[] | undefined; tcp: StreamRoute[] | undefined },
): VirtualServiceSpec => ({
  ...spec,
  ...(lists.http ? { http: lists.http } : {}),
  ...(lists.tls ? { tls: lists.tls } : {}),
  ...(lists.tcp ? { tcp: lists.tcp } : {}),
});

/** A VirtualService without anything that a migration added. Weights keep their proportions, not their numbers. */
export function withoutCanary(spec: VirtualServiceSpec, scope: RouteScope): VirtualServiceSpec {
  const undo = (list: RouteDestination[]): RouteDestination[] => undivide(list, scope);
  return withLists(spec, {
    http: spec.http
      ?.filter((route) => !isOurs(route))
      .map((route) => withoutMirror(route.route ? { ...route, route: undo(route.route) } : route, scope)),
    tls: stream(spec.tls, undo),
    tcp: stream(spec.tcp, undo),
  });
}

/** A VirtualService that divides the requests of the Services as asked and is otherwise what its user wrote. */
export function withCanary(spec: VirtualServiceSpec, split: Split, scope: RouteScope): VirtualServiceSpec {
  const { canary, mirror } = split;
  const base = withoutCanary(spec, scope);
  const change = (list: RouteDestination[]): RouteDestination[] => divide(list, canary, scope);
  return withLists(base, {
    http: base.http
      ?.flatMap((route) => [
        ...testersRoute(route, scope),
        ...returningRoute(route, split, scope),
        ...withMirror(route, mirror, scope),
      ])
      .map((route) => (route.route ? { ...route, route: change(route.route) } : route))
      .map((route) => keeping(route, split, scope)),
    tls: stream(base.tls, change),
    tcp: stream(base.tcp, change),
  });
}
