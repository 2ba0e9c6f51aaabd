import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient, KubeObject } from '@scc/kube';
import { canaryLabels, canaryName, PLAN_TYPE, type Violation, type WayIn } from '@scc/plan';
import { sharesAhead } from '@scc/replicas';
import { chooseLabel, type LabelSwitch, ProxiesUnseen, type TrafficRouter, type UndividedWay } from '@scc/routing';
import { canarySize, largestCanary } from '../cluster/canary-size.js';
import { placedAsCanary, volumesThatShow } from '../cluster/copies.js';
import { overtakenViolations, surveyPolicies } from '../cluster/neighbours.js';
import { ambientWarnings, bareCallers, bareWarnings, bareWays, unseenCallers, unseenWays } from './callers.js';
import { relabelViolations } from './checks.js';
import type { AssessedWorkload, Facts } from './facts.js';
import { readCapacity, reviewCapacity } from './capacity.js';
import { policyViolations, policyWarnings } from './policies.js';
import { readRoom, roomViolations } from './room.js';
import { surgeOf } from './surge.js';
import type { ChangedTemplate } from './template.js';
import { acceptedNamespaces, affinityOf, asWays, mirrorOf, undividedViolations, wayWarnings } from './ways.js';

/** How the requests of a workload would be divided between it and its canary. */
export interface Division {
  /** Null when there is no label by which the two could be told apart. */
  label: LabelSwitch | null;
  /** Reasons for which nothing more was looked at. */
  blocking: Violation[];
  violations: Violation[];
  warnings: string[];
  /** Objects (apiVersion/kind/name) that are copied for the canary. */
  policies: string[];
  ways: WayIn[];
  /** No copy of a request can be made on any of the ways. */
  mirrorsNothing?: boolean;
  survey: unknown;
}

/** Of a workload that has no canary: its requests stay where they are. */
export const NOTHING_DIVIDED: Division = {
  label: { key: '', stable: '', canary: '' },
  blocking: [],
  violations: [],
  warnings: [],
  policies: [],
  ways: [],
  survey: null,
};

interface Divided {
  facts: Facts;
  workload: AssessedWorkload;
  /** Null when the template cannot be changed: then no route is looked at. */
  changed: Extract<ChangedTemplate, { ok: true }> | null;
}

/** Surveys everything that would tell a canary from its workload, and the room that it needs. */
export async function divide(
  { kube, router }: { kube: KubeClient; router: TrafficRouter },
  { facts, workload, changed }: Divided,
): Promise<Division> {
  const { ref, spec } = facts;
  const { replicas, selector, template } = workload.deployment.spec;
  const chosen = chooseLabel({ matchLabels: selector.matchLabels, services: workload.services });
  if ('violations' in chosen) return { ...NOTHING_DIVIDED, label: null, blocking: chosen.violations };
  const { label } = chosen;
  if (!changed) return { ...NOTHING_DIVIDED, label };
  const services = workload.services.map(({ name }) => ({ name, canary: canaryName(name) }));
  const policies = surveyPolicies(facts.policies.copied, label);
  const podLabels = template.metadata.labels;
  const owner = { ...PLAN_TYPE, name: ref.name, uid: ref.uid };
  const routes = await router.survey({
    namespace: ref.namespace,
    services,
    label,
    markers: canaryLabels(ref.name),
    podLabels,
    owner,
    mirror: mirrorOf(spec.traffic),
    testers: spec.traffic.testers,
    affinity: affinityOf(spec.traffic, ref.uid),
    unasked: acceptedNamespaces(spec.traffic.accept),
  });
  const cluster = await readCapacity(kube);
  // An istiod that refuses is a violation of the survey already.
  const connected = (await router.connected?.().catch(nothingRefused)) ?? null;
  const unseen = connected ? await unseenAt({ router, kube, connected }, cluster.pods) : [];
  const undivided: UndividedWay[] = [...(routes.undivided ?? []), ...unseen];
  const own = { namespace: ref.namespace, labels: facts.namespace.labels ?? {}, selector: selector.matchLabels };
  const bare = connected ? bareCallers(cluster.pods, own) : [];
  const pods = largestCanary({ replicas, canaryReplicas: spec.canary.replicas });
  const placed = placeOf(facts, workload, label);
  const surge = surgeOf(workload.object, replicas);
  const standing = { namespace: ref.namespace, spec: changed.template.spec };
  const capacity = reviewCapacity(cluster, {
    canary: { ...standing, labels: placed.sides.canary, spec: placedAsCanary({ ...changed.template.spec }, label) },
    pods,
    surge: { of: { ...standing, labels: placed.sides.stable }, pods: surge },
  });
  return {
    label,
    blocking: [],
    violations: [
      ...(changed.relabels ? relabelViolations(workload, facts) : []),
      ...policies.violations,
      ...overtakenViolations(facts.policies.copied, label, podLabels),
      ...policyViolations(facts.policies, { ...placed, accept: spec.traffic.accept }),
      ...routes.violations,
      ...undividedViolations(undivided, spec.traffic.accept, ref.namespace),
      ...roomViolations(await readRoom(kube, ref.namespace), {
        podSpec: changed.template.spec,
        running: workload.livePods,
        pods: pods + surge,
        services: services.length,
      }),
      ...capacity.violations,
    ],
    warnings: [
      ...capacity.warnings,
      ...policyWarnings(facts.policies),
      ...routes.warnings,
      ...(routes.ways.some(({ dividedBy }) => dividedBy === 'Replicas') ? sharesOfPods(spec, replicas) : []),
      ...ambientWarnings(cluster.pods, ref.namespace),
      ...bareWarnings(bare),
      ...shownLabels({ ...changed.template.spec }, label),
      ...wayWarnings(asWays(undivided)),
    ],
    policies: policies.copied,
    ways: [...routes.ways, ...asWays(undivided), ...bareWays(bare)],
    ...(routes.mirrorsNothing ? { mirrorsNothing: true } : {}),
    survey: routes.survey,
  };
}

/** Files of a container in which it finds another value under the canary than under the workload. */
const shownLabels = (podSpec: Record<string, unknown>, label: LabelSwitch): string[] =>
  volumesThatShow(podSpec, label).map(
    (volume) =>
      `volume ${volume} shows the containers the label ${label.key}, which is ${label.canary} instead of ${label.stable} in the pods of the canary`,
  );

/** The shares that pods make of the plan's weights, where they are others. */
function sharesOfPods({ traffic, canary }: Facts['spec'], replicas: number): string[] {
  const sized = { replicas, canaryReplicas: canary.replicas };
  const shares = sharesAhead(traffic.weights, replicas, (weight) => canarySize(sized, weight));
  return [
    `requests are divided by whole pods: weights ${shares.map(({ weight, share }) => `${weight} % as ${share} %`).join(', ')}`,
  ];
}

/** How long a proxy may take from one istiod to another, in milliseconds. */
const RECONNECT_MS = 3_000;

function nothingRefused(error: unknown): null {
  if (error instanceof ProxiesUnseen && error.isRefusal) return null;
  throw error;
}

interface Connected {
  router: TrafficRouter;
  kube: Pick<KubeClient, 'list'>;
  /** The proxies at the first look. */
  connected: ReadonlySet<string>;
}

/** Callers whose proxies no istiod that is asked knows, at two looks. */
async function unseenAt({ router, kube, connected }: Connected, pods: readonly KubeObject[]): Promise<UndividedWay[]> {
  if (unseenCallers(pods, connected).length === 0) return [];
  await delay(RECONNECT_MS);
  const second = (await router.connected?.()) ?? new Set();
  return unseenWays(unseenCallers((await readCapacity(kube)).pods, second));
}

/** Both sides as objects of the cluster can tell them apart. */
function placeOf({ ref, namespace }: Facts, workload: AssessedWorkload, label: LabelSwitch) {
  const { name = '', kind } = { ...workload.object.metadata, kind: workload.object.kind };
  const stable = workload.deployment.spec.template.metadata.labels;
  const services = workload.services.map((service) => service.name);
  return {
    namespace: ref.namespace,
    services,
    sides: {
      stable,
      canary: { ...stable, [label.key]: label.canary, ...canaryLabels(ref.name) },
      namespaceLabels: { 'kubernetes.io/metadata.name': ref.namespace, ...namespace.labels },
      names: [{ kind, name }, ...services.map((service) => ({ kind: 'Service', name: service }))],
    },
  };
}
