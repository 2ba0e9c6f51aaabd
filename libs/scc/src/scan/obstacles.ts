import {
  apiVersionOf,
  chooseStrategy,
  isCanaryObject,
  isDivided,
  kindViolation,
  type Strategy,
  WORKLOAD_KINDS,
} from '@scc/plan';
import {
  CLAIM_KIND,
  type MovedWorkload,
  ownRouteViolations,
  portViolations,
  runsGoneBy,
  strangersAmong,
  undeclaredViolations,
  undividedInAmbient,
  unmovable,
  volumeIsRelabelled,
} from '@scc/routing';
import { z } from 'zod';
import type { Namespace } from '../model/namespace.js';
import { type ClusterObject, groupOf } from './objects.js';
import { addTo, CLUSTER_SERVICE, type ScannedService, selectsLabels } from './services.js';
import type { ScannedWays } from './ways.js';
import type { Workload } from './workloads.js';

/** Why a plan cannot move a workload, whatever its SCC: as a plan's dry run would say it. */

const strings = z.record(z.string(), z.string());
/** A field that may be missing or null. */
const or = <T>(schema: z.ZodType<T>, fallback: T) => schema.nullish().transform((value): T => value ?? fallback);
const update = z.looseObject({ rollingUpdate: or(z.looseObject({ partition: or(z.int(), 0) }), { partition: 0 }) });
const movedSchema = z.looseObject({
  spec: z.looseObject({
    replicas: or(z.int(), 1),
    paused: or(z.boolean(), false),
    selector: or(z.looseObject({ matchLabels: or(strings, {}) }), { matchLabels: {} }),
    updateStrategy: or(update, { rollingUpdate: { partition: 0 } }),
  }),
});
const daemonSchema = z.looseObject({ status: z.looseObject({ desiredNumberScheduled: z.int() }) });
/** Of a DaemonSet; one of which nothing is seen yet counts as running somewhere. */
const nodesOf = (object: ClusterObject): number =>
  daemonSchema.safeParse(object).data?.status.desiredNumberScheduled ?? 1;
const UNKNOWN = movedSchema.parse({ spec: {} });
const claimSchema = z.looseObject({ spec: z.looseObject({ accessModes: or(z.array(z.string()), []) }) });
const routeSchema = z.looseObject({ spec: z.looseObject({ tcp: z.array(z.unknown()).nullish() }) });

/** The pods that a workload wants. */
function replicasOf(object: ClusterObject): number {
  const { spec } = movedSchema.safeParse(object).data ?? UNKNOWN;
  return object.kind === 'DaemonSet' ? nodesOf(object) : spec.replicas;
}

/** How a plan that asks for nothing would move the workload; null where none can. */
export function strategyFor(
  { apiVersion, kind, object }: Pick<Workload, 'apiVersion' | 'kind' | 'object'>,
  beside: { services: readonly unknown[]; claims: MovedWorkload['claims'] },
): Strategy | null {
  const isOf = (known: string): boolean => groupOf(known) === groupOf(apiVersion);
  const known = WORKLOAD_KINDS.find((one) => one === kind && isOf(apiVersionOf(one)));
  return known ? chooseStrategy({ kind: known, replicas: replicasOf(object), ...beside }).type : null;
}

const TEMPLATED: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);
const isCanary = ({ metadata: { labels } }: ClusterObject): boolean => isCanaryObject({ labels: labels ?? {} });

const isTemplated = ({ apiVersion, kind }: ClusterObject): boolean =>
  groupOf(apiVersion) === 'apps' && TEMPLATED.has(kind);
const isClaim = ({ apiVersion, kind }: ClusterObject): boolean => apiVersion === 'v1' && kind === CLAIM_KIND;
const modesOf = (claim: ClusterObject): string[] => claimSchema.safeParse(claim).data?.spec.accessModes ?? [];

/** Everything with labels that a Service could reach, and what it belongs to. */
interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly object: ClusterObject;
  readonly top: ClusterObject;
}

/** What stands beside a workload in its namespace. */
export class Neighbours {
  /** By namespace and one label; a Service is looked up by the first pair of its selector. */
  readonly #byLabel = new Map<string, Labelled[]>();
  readonly #claims = new Map<string, string[]>();

  constructor(
    objects: readonly ClusterObject[],
    { workloads, livePods }: { workloads: readonly Workload[]; livePods: ReadonlyMap<ClusterObject, ClusterObject> },
    private readonly fallback: string,
  ) {
    for (const { object, namespace, template } of workloads)
      if (isTemplated(object)) this.#add(namespace, { object, top: object, labels: template.metadata?.labels ?? {} });
    for (const [object, top] of livePods)
      this.#add(this.#namespaceOf(object), { object, top, labels: object.metadata.labels ?? {} });
    for (const object of objects) if (isClaim(object)) this.#claims.set(this.#placeOf(object), modesOf(object));
  }

  #namespaceOf({ metadata }: ClusterObject): string {
    return metadata.namespace ?? this.fallback;
  }

  #placeOf(object: ClusterObject): string {
    return `${this.#namespaceOf(object)}/${object.metadata.name}`;
  }

  #add(namespace: string, one: Labelled): void {
    if (isCanary(one.object)) return;
    for (const [key, value] of Object.entries(one.labels)) addTo(this.#byLabel, `${namespace}|${key}=${value}`, one);
  }

  /** What a Service leads to beside a workload, as a plan names it. */
  #othersBehind({ namespace, selector }: ScannedService, own: ClusterObject): string[] {
    const [[key, value] = ['', '']] = Object.entries(selector);
    const behind = (this.#byLabel.get(`${namespace}|${key}=${value}`) ?? []).filter(
      ({ top, labels }) => top !== own && selectsLabels(selector, labels),
    );
    const isTop = ({ top, object }: Labelled): boolean => top === object && isTemplated(object);
    const named = ({ object: { kind, metadata } }: Labelled) => ({
      kind,
      metadata: { name: metadata.name, ownerReferences: metadata.ownerReferences },
    });
    return strangersAmong(behind.filter(isTop).map(named), behind.filter((one) => !isTop(one)).map(named));
  }

  /** The claims that the template of a workload mounts. */
  claimsOf({ template: { spec }, namespace }: Workload): MovedWorkload['claims'] {
    return (spec.volumes ?? []).flatMap((volume) => {
      const name = z.looseObject({ claimName: z.string() }).safeParse(volume['persistentVolumeClaim']).data?.claimName;
      const accessModes = name === undefined ? undefined : this.#claims.get(`${namespace}/${name}`);
      return name === undefined || accessModes === undefined ? [] : [{ name, accessModes }];
    });
  }

  /** The fields of a workload by which plans judge it. */
  moved(workload: Workload, strategy: Strategy, services: readonly ScannedService[]): MovedWorkload {
    const { object, kind, name } = workload;
    const { metadata } = object;
    const { spec } = movedSchema.safeParse(object).data ?? UNKNOWN;
    return {
      ...{ kind, name, isUndivided: !isDivided(strategy), isPaused: spec.paused },
      replicas: replicasOf(object),
      partition: kind === 'StatefulSet' ? spec.updateStrategy.rollingUpdate.partition : 0,
      runsGoneBy: runsGoneBy(object),
      owners: metadata.ownerReferences ?? [],
      labels: metadata.labels ?? {},
      matchLabels: spec.selector.matchLabels,
      services: services.map((service) => ({
        name: service.name,
        selector: service.selector,
        others: this.#othersBehind(service, object),
      })),
      claims: this.claimsOf(workload),
    };
  }
}

/** Ports that the mesh cannot divide, of the Services whose requests it routes. */
function portObstacles({ meshed, routesTo }: Pick<ScannedWays, 'meshed' | 'routesTo'>): string[] {
  return meshed.flatMap((service) => {
    const routes = routesTo(service).map((route) => ({
      hosts: [],
      tcp: routeSchema.safeParse(route).data?.spec.tcp ?? undefined,
    }));
    return [
      ...portViolations(service.name, service.ports),
      ...(routes.length === 0
        ? ownRouteViolations(service.name, service.ports)
        : undeclaredViolations(service.name, service.ports, routes)),
    ].map(({ message }) => message);
  });
}

/** Ways whose requests nothing divides. */
function wayObstacles({ ways, hasEdge }: ScannedWays): string[] {
  // Requests through a gateway or a router are divided there; callers that pass none reach the workload's own pods, as before.
  return ways
    .filter(({ divided, kind }) => !divided && !(hasEdge && kind === CLUSTER_SERVICE))
    .map(({ kind, name }) => `${kind} ${name} brings requests to it that nothing divides`);
}

/**
 * Why a plan of ours cannot move the workload, whatever its SCC. Policies, quotas, freezes and the state of its pods are
 * asked when a plan is tried.
 * @param risks of the change that the scan proposes
 */
export function obstaclesOf(
  workload: Workload,
  {
    strategy,
    target,
    neighbours,
    waysIn,
    risks,
    namespace,
  }: {
    strategy: Strategy | null;
    /** The SCC that the scan proposes; null where it proposes none. */
    target: string | null;
    neighbours: Neighbours;
    waysIn: ScannedWays;
    risks: readonly { name: string }[];
    namespace: Namespace;
  },
): string[] {
  if (strategy === null) {
    const refused = kindViolation(workload, target ?? 'TARGET');
    return [
      refused
        ? `${refused.message}. ${refused.remedy}`
        : `a plan moves Deployments, StatefulSets, DaemonSets and CronJobs, and this is a ${workload.kind}`,
    ];
  }
  const moved = neighbours.moved(workload, strategy, waysIn.services);
  const relabelled = risks.some(({ name }) => name === 'selinux-relabel') ? volumeIsRelabelled(moved) : [];
  const ambient = isDivided(strategy)
    ? undividedInAmbient({
        ...{ kind: workload.kind, name: workload.name, namespace: workload.namespace, services: waysIn.services },
        podLabels: workload.template.metadata?.labels ?? {},
        namespaceLabels: namespace.labels,
      })
    : [];
  const own = [...ambient, ...unmovable(moved), ...relabelled].map(({ message }) => message);
  return isDivided(strategy) ? [...wayObstacles(waysIn), ...portObstacles(waysIn), ...own] : own;
}
