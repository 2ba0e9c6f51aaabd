import { MANAGED_LABEL, type Violation } from '@scc/plan';
import {
  affinityNotRouted,
  affinityWarning,
  reduced,
  testersNotRouted,
  testersWarning,
  type Mirror,
  type SurveyRequest,
  type UndividedWay,
} from '@scc/routing';
import { isMirrorRule, rulesWithCanary, rulesWithoutCanary } from './canary-rules.js';
import { permits } from './grants.js';
import { MAX_BACKENDS, MAX_WEIGHT } from './limits.js';
import type { MirrorAbility } from './mirror-rules.js';
import { pairOf, ruleSendsTo, type RuleScope } from './references.js';
import {
  pathOf,
  type GrantSpec,
  type Parent,
  type RouteKind,
  type RouteSpec,
  type RouteStatus,
  type Rule,
} from './schema.js';
import { servedBy, type ServingParent } from './status.js';
import { lackInRules, lackOfCookies } from './lack.js';

export interface NamedRoute {
  kind: RouteKind;
  namespace: string;
  name: string;
  spec: RouteSpec;
  status: RouteStatus;
  /** Of a version that is too old to be written. */
  isOld?: boolean;
}

export interface DividedRoute {
  kind: RouteKind;
  namespace: string;
  name: string;
  served: ServingParent[];
  /** Paths that other routes of the same host match whatever the method. */
  foreignPaths: string[];
}

type Asked = Pick<SurveyRequest, 'namespace' | 'services' | 'testers' | 'affinity'>;

export const scopeOf = (
  { namespace, services, testers, affinity }: Asked,
  route: { kind: RouteKind; namespace: string },
): RuleScope => ({
  namespace,
  services,
  ...(testers ? { testers } : {}),
  ...(affinity ? { affinity } : {}),
  kind: route.kind,
  routeNamespace: route.namespace,
});

const nameOf = ({ namespace, name }: { namespace: string; name: string }, own: string): string =>
  namespace === own ? name : `${namespace}/${name}`;

const mirrorsTo = ({ filters }: Rule, scope: RuleScope): boolean =>
  (filters ?? []).some(({ requestMirror }) => requestMirror !== undefined && pairOf(requestMirror.backendRef, scope));

type Why = Pick<UndividedWay, 'code' | 'reason' | 'remedy'>;
const notAgreed = (namespace: string, own: string): Why => ({
  code: 'NamespaceHasNotAgreed',
  reason: `the namespace ${namespace} has not agreed to migrations, which would write the route`,
  remedy: `Let an administrator of the cluster label ${namespace} ${MANAGED_LABEL}=true, or move the route to ${own}`,
});
const cannot = (reason: string, remedy: string): Why => ({ code: 'RouteCanNotBeDivided', reason, remedy });

/** Why a route that names one of the Services cannot be divided, if it cannot. */
function whyNot({ spec: { rules = [] }, status, isOld }: NamedRoute, scope: RuleScope): Why | null {
  const sending = rules.filter((rule) => ruleSendsTo(rule, scope));
  if (isOld)
    return cannot(
      'the cluster serves its kind only in a version before v1',
      'Install the release 1.2 of the Gateway API or a newer one',
    );
  if (rules.some((rule) => mirrorsTo(rule, scope)))
    return cannot(
      'it mirrors requests to the workload, and mirrors of a user are not divided',
      'Take the mirror away for the time of the migration',
    );
  if (servedBy(status).length === 0)
    return cannot(
      'no controller says that it accepts the route, so that nothing would tell whether a change arrived',
      'Repair its parentRefs, or delete the route',
    );
  if (sending.some(({ sessionPersistence }) => sessionPersistence !== undefined))
    return cannot(
      'its sessions are persistent, so that clients stay where they are whatever the weights',
      'Take sessionPersistence away for the time of the migration',
    );
  for (const { backendRefs = [] } of sending) {
    const added = backendRefs.filter((backend) => pairOf(backend, scope)).length;
    if (backendRefs.length + added > MAX_BACKENDS)
      return cannot(
        `a rule has ${backendRefs.length} backends, and with the canary more than ${MAX_BACKENDS}`,
        'Divide the rule into several',
      );
    const largest = Math.max(...reduced(backendRefs.map(({ weight }) => weight ?? 1)));
    if (largest * 100 > MAX_WEIGHT)
      return cannot(
        `its weights are too fine to be divided by hundredths within ${MAX_WEIGHT}`,
        'Write the same shares with smaller weights',
      );
  }
  return null;
}

const isParent = (a: Parent, b: Parent): boolean =>
  (a.kind ?? 'Gateway') === (b.kind ?? 'Gateway') && a.name === b.name && a.namespace === b.namespace;

/** Whether requests may have to be told apart by the rules of both routes: a wildcard may cover any name. */
function meet(a: NamedRoute, b: NamedRoute): boolean {
  const [left, right] = [a.spec.hostnames ?? [], b.spec.hostnames ?? []];
  const hasParent = (a.spec.parentRefs ?? []).some((one) =>
    (b.spec.parentRefs ?? []).some((two) => isParent(one, two)),
  );
  const isAny = (hosts: string[]): boolean => hosts.length === 0 || hosts.some((host) => host.startsWith('*'));
  return hasParent && (isAny(left) || isAny(right) || left.some((host) => right.includes(host)));
}

const foreignPathsOf = (route: NamedRoute, all: readonly NamedRoute[]): string[] => [
  ...new Set(
    all
      .filter((other) => other !== route && other.kind === 'HTTPRoute' && meet(route, other))
      .flatMap(({ spec }) => spec.rules ?? [])
      .flatMap(({ matches }) => (matches?.length ? matches : [{}]))
      .filter((match) => match.method === undefined)
      .map(pathOf),
  ),
];

/** Within the mesh a route is attached to the Service itself. */
const meshServices = ({ spec, namespace: at }: NamedRoute, { namespace, services }: Asked): string[] =>
  services
    .map(({ name }) => name)
    .filter((service) =>
      (spec.parentRefs ?? []).some(
        ({ group, kind, name, namespace: of = at }) =>
          (group ?? '') === '' && kind === 'Service' && name === service && of === namespace,
      ),
    );

/** Whether a route names one of the Services, for requests or for copies of them. */
export function namesAny(route: NamedRoute, asked: Asked): boolean {
  const scope = scopeOf(asked, route);
  return (route.spec.rules ?? []).some((rule) => ruleSendsTo(rule, scope) || mirrorsTo(rule, scope));
}

export interface GatewayFacts {
  /** Of the Services' namespace. */
  grants: readonly GrantSpec[];
  /** Other namespaces whose routes a migration may write. */
  agreed: ReadonlySet<string>;
  hasPercent: (kind: RouteKind) => boolean;
}

export interface FoundGatewayRoutes {
  divided: DividedRoute[];
  undivided: UndividedWay[];
  /** Services to which the divided routes are attached within the mesh. */
  routed: string[];
  violations: Violation[];
  warnings: string[];
}

/**
 * Which routes send requests to the Services, and which of them can be divided. One of another namespace that no grant
 * lets name the Service sends nothing.
 */
export function findGatewayRoutes(
  all: readonly NamedRoute[],
  asked: Asked & { mirror?: Mirror | null | undefined },
  { grants, agreed, hasPercent }: GatewayFacts,
): FoundGatewayRoutes {
  const found: FoundGatewayRoutes = { divided: [], undivided: [], routed: [], violations: [], warnings: [] };
  const { namespace, services, mirror } = asked;
  for (const route of all) {
    const scope = scopeOf(asked, route);
    const rules = route.spec.rules ?? [];
    const isOwn = route.namespace === namespace;
    const mayName = isOwn || services.some(({ name }) => permits(grants, route, name));
    if (!namesAny(route, asked) || !mayName) continue;
    const name = nameOf(route, namespace);
    const mayWrite = isOwn || agreed.has(route.namespace);
    const why = mayWrite ? whyNot(route, scope) : notAgreed(route.namespace, namespace);
    if (why) {
      found.undivided.push({ kind: route.kind, name, ...why });
      continue;
    }
    const foreignPaths = foreignPathsOf(route, all);
    const divided = { kind: route.kind, namespace: route.namespace, name: route.name };
    const served = servedBy(route.status);
    found.divided.push({ ...divided, served, foreignPaths });
    found.routed.push(...meshServices(route, asked));
    found.violations.push(...notLed({ ...divided, name }, { rules, scope, served }));
    const ability = { hasPercent: hasPercent(route.kind), foreignPaths };
    if (mirror && isLeftOut(rules, mirror, { scope, ability }))
      found.warnings.push(
        `${route.kind} ${name}: not all of its rules can mirror requests to the canary within the schema and the limits of a route`,
      );
  }
  found.warnings.push(...ledToCanary(found, asked));
  return found;
}

const ledToCanary = ({ divided }: FoundGatewayRoutes, { testers, affinity }: Asked): string[] =>
  divided.length > 0
    ? [...(testers ? [testersWarning(testers)] : []), ...(affinity ? [affinityWarning(affinity)] : [])]
    : [];

/** Why some cannot be led to the canary beside its share who should be. */
function notLed(
  { kind, name }: Pick<NamedRoute, 'kind' | 'name'>,
  { rules, scope, served }: { rules: readonly Rule[]; scope: RuleScope; served: readonly ServingParent[] },
): Violation[] {
  const lack = lackInRules(rules, scope);
  const lacking = lackOfCookies(rules, { scope, served });
  return [
    ...(lack === null ? [] : [testersNotRouted(`${kind} ${name}: ${lack}`)]),
    ...(lacking === null ? [] : [affinityNotRouted(`${kind} ${name}: ${lacking}`)]),
  ];
}

/** Whether a rule that sends to the Services gets no mirror. */
export function isLeftOut(
  rules: readonly Rule[],
  mirror: Mirror,
  options: { scope: RuleScope; ability: MirrorAbility },
): boolean {
  const { scope } = options;
  const sending = rulesWithoutCanary(rules, scope).filter((rule) => ruleSendsTo(rule, scope));
  const mirroring = rulesWithCanary(rules, { canary: 0, mirror }, options).filter((rule) => isMirrorRule(rule, scope));
  return mirroring.length < sending.length;
}
