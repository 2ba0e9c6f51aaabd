import type { ServicePair, UndividedWay } from '@scc/routing';
import { listOf, pairInBackends, leadsTo, weightOf } from './backends.js';
import { MAX_ALTERNATES } from './limits.js';
import { type Backends, backendsOf, type OpenShiftRouteSpec, type OpenShiftRouteStatus } from './schema.js';

export interface NamedOpenShiftRoute {
  name: string;
  annotations: Readonly<Record<string, string>>;
  /** The controller that made it, where one did. */
  maker: { kind: string; name: string } | null;
  spec: OpenShiftRouteSpec;
  status: OpenShiftRouteStatus;
}

export interface DividedOpenShiftRoute {
  name: string;
  backends: Backends;
  /** The routers that admit it, each with a reload of its own. */
  routers: string[];
  /** Clients that have been answered stay with the pod that did so. */
  isSticky: boolean;
}

const BALANCE = 'haproxy.router.openshift.io/balance';
const DISABLE_COOKIES = 'haproxy.router.openshift.io/disable_cookies';
/** Algorithms under which each server gets requests by its weight. */
const BY_WEIGHT = ['roundrobin', 'random'];
const ALGORITHMS = [...BY_WEIGHT, 'leastconn', 'source'];
const TRUE = ['true', 't', '1'];

type Why = Pick<UndividedWay, 'code' | 'reason' | 'remedy'>;
const cannot = (reason: string, remedy: string): Why => ({ code: 'RouteCanNotBeDivided', reason, remedy });

export const isPassthrough = ({ tls }: OpenShiftRouteSpec): boolean => tls?.termination === 'passthrough';

/** Of a passthrough Route the router sees no requests, and so no cookies. */
const isSticky = ({ spec, annotations }: NamedOpenShiftRoute): boolean =>
  !isPassthrough(spec) && !TRUE.includes((annotations[DISABLE_COOKIES] ?? '').toLowerCase());

const admittedBy = ({ ingress }: OpenShiftRouteStatus): string[] =>
  (ingress ?? [])
    .filter(({ conditions }) => (conditions ?? []).some(({ type, status }) => type === 'Admitted' && status === 'True'))
    .map(({ routerName }) => routerName);

/** Why a Route that names one of the Services cannot be divided, if it cannot. */
function whyNot(
  { annotations, maker, spec, status }: NamedOpenShiftRoute,
  services: readonly ServicePair[],
): Why | null {
  const backends = listOf(backendsOf(spec));
  const own = backends.filter((backend) => pairInBackends(backend, services));
  if (maker)
    return cannot(
      `${maker.kind} ${maker.name} made it, and its controller would write it again`,
      `Write a Route of your own in the place of ${maker.kind} ${maker.name} for the time of the migration`,
    );
  if (admittedBy(status).length === 0)
    return cannot('no router says that it admits the Route', 'Repair what its status says, or delete the Route');
  if (backends.length - 1 + own.length > MAX_ALTERNATES)
    return cannot(
      `with the canary it would name more than ${MAX_ALTERNATES} alternate backends`,
      'Take an alternate backend away for the time of the migration',
    );
  if (backends.every((backend) => weightOf(backend) === 0))
    return cannot(
      'all of its weights are 0, so that it answers nobody',
      'Give a backend a weight, or delete the Route',
    );
  const algorithm = annotations[BALANCE];
  // The router ignores any other word.
  if (algorithm !== undefined && ALGORITHMS.includes(algorithm) && !BY_WEIGHT.includes(algorithm))
    return cannot(
      `its requests are balanced by ${algorithm}, under which weights are no shares`,
      `Take the annotation ${BALANCE} away, or set it to roundrobin, for the time of the migration`,
    );
  return null;
}

export interface FoundOpenShiftRoutes {
  divided: DividedOpenShiftRoute[];
  undivided: UndividedWay[];
  warnings: string[];
}

const STICKY =
  'its router keeps clients that hold its cookie with the pod that answered them, whatever the weights: shares are those of other clients, and the workload is rolled out once none of its pods is asked any more';

/** The meaning of a Route's settings for its clients. */
function warningsOf({ name, spec }: NamedOpenShiftRoute, isKept: boolean): string[] {
  if (isPassthrough(spec))
    return [`Route ${name} passes connections through: shares are those of new connections, and open ones stay`];
  return isKept ? [`Route ${name}: ${STICKY}`] : [];
}

/**
 * Which Routes of a namespace send requests to the Services, and which of them can be divided.
 * @param sees whether anything counts what the routers send to pods: without it no one could tell when clients that hold
 * a cookie have gone
 */
export function findOpenShiftRoutes(
  all: readonly NamedOpenShiftRoute[],
  services: readonly ServicePair[],
  { sees }: { sees: boolean },
): FoundOpenShiftRoutes {
  const found: FoundOpenShiftRoutes = { divided: [], undivided: [], warnings: [] };
  for (const route of all) {
    const backends = backendsOf(route.spec);
    if (!leadsTo(backends, services)) continue;
    const isKept = isSticky(route);
    const why = whyNot(route, services) ?? (isKept && !sees ? UNSEEN : null);
    if (why) {
      found.undivided.push({ kind: 'Route', name: route.name, ...why });
      continue;
    }
    found.divided.push({ name: route.name, backends, routers: admittedBy(route.status), isSticky: isKept });
    found.warnings.push(...warningsOf(route, isKept));
  }
  return found;
}

const UNSEEN = cannot(
  'its router keeps clients by a cookie, and Prometheus has no counters of the router that tell when they have gone',
  `Let Prometheus scrape the routers, or set the annotation ${DISABLE_COOKIES} to "true" for the time of the migration`,
);
