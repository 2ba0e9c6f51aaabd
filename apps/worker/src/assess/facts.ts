import { ROUTE_KINDS } from '@scc/gateway-api';
import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { ROUTE_TYPE } from '@scc/openshift-route';
import { undividedWay } from '@scc/routing';
import {
  apiVersionOf,
  type ChosenStrategy,
  chooseStrategy,
  canaryName,
  isCanaryObject,
  isDivided,
  type MigratedKind,
  planNameOf,
  PLAN_TYPE,
  type PlanRef,
  type PlanSpec,
  type WayIn,
} from '@scc/plan';
import { compileSCCs, sccSchema, type CompiledSCCs, type Namespace } from '@scc/scc';
import { addressesOfPods, servicesByEndpoints, strangeSlices } from '../cluster/by-endpoints.js';
import { readPolicies, type SurveyedPolicies } from '../cluster/policy-kinds.js';
import { ownedLabelsOf } from '../cluster/namespace.js';
import { type CronJob, cronJobSchema, lastPods, readRuns, runsAmong } from '../cluster/cron-jobs.js';
import { deploymentSchema, podTemplateOf, selects, serviceSchema, type Deployment } from '../cluster/objects.js';
import type { UnreadKind } from '../cluster/served.js';
import { readWaysIn, type WaysIn } from '../cluster/ways-in.js';
import { daemonRolloutOf, daemonSetSchema, podsOfDaemonSet, type DaemonSet } from '../cluster/daemons.js';
import { orderedRolloutOf, podsOfStatefulSet, statefulSetSchema, type StatefulSet } from '../cluster/ordinals.js';
import { rolloutOf, type Rollout, type RolloutPod } from '../cluster/rollout.js';
import { readNeighbourhood, strangersBehind } from '../cluster/strangers.js';
import { podsOfWorkload } from '../cluster/workload-pods.js';
import { wantedAccount } from './account.js';

export interface SelectingService {
  name: string;
  selector: Record<string, string>;
  labels?: Record<string, string> | undefined;
  sessionAffinity: string;
  /** Live pods behind the Service that are not the workload's, by what they belong to. */
  others: string[];
}

/** A volume claim of the workload's pods. */
export interface Claim {
  name: string;
  accessModes: string[];
}

export interface AssessedWorkload {
  object: KubeObject;
  /** How the workload is moved, and why. */
  strategy: ChosenStrategy;
  /** The common fields of every kind with a pod template. */
  deployment: Deployment;
  /** Fields that only a StatefulSet has; null for any other kind. */
  ordered: StatefulSet['spec'] | null;
  /** The same of a DaemonSet. */
  daemon: DaemonSet['spec'] | null;
  /** The same of a CronJob. */
  cron: CronJob['spec'] | null;
  rollout: Rollout;
  /** Of a CronJob, those of its last run, also when they have ended. */
  pods: RolloutPod[];
  /** The Services that pick the workload's pods. */
  services: SelectingService[];
  /** Other Services whose endpoints are pods of the workload all the same. */
  servicesByEndpoints: string[];
  autoscalers: KubeObject[];
  claims: Claim[];
  /** Its pods as the API server shows them. */
  livePods: readonly KubeObject[];
}

/** Whether none of its requests is divided, so that no canary stands beside it. */
export const isUndivided = ({ strategy }: Pick<AssessedWorkload, 'strategy'>): boolean => !isDivided(strategy.type);

/** The cluster's facts about a plan and its workload, gathered before anything is decided. */
export interface Facts {
  ref: PlanRef;
  spec: PlanSpec;
  planAnnotations: Record<string, string>;
  /** When the plan was created; null when it is gone. */
  planCreatedAt: string | null;
  namespace: Namespace;
  /** Pod Security labels of the namespace that OpenShift's label syncer owns. */
  ownedLabels: string[];
  sccs: CompiledSCCs;
  /** Null when the workload does not exist. */
  workload: AssessedWorkload | null;
  policies: SurveyedPolicies;
  /** Ways to the workload beside those of which a router's survey tells, where requests are divided. */
  ways: WayIn[];
  /** Kinds of objects that may be ways in and cannot be read. */
  unread: UnreadKind[];
  /** Whether the ServiceAccount of the migrated pods exists; its automount setting. */
  serviceAccount: { name: string; exists: boolean; automountToken: boolean | undefined };
  /** Objects that already have a name which the canary needs, as `Kind name`. */
  inTheWay: string[];
}

/** Kinds of which a router divides objects: its survey names those that lead to the workload. */
const SURVEYED: ReadonlySet<string> = new Set([...ROUTE_KINDS, ROUTE_TYPE.kind]);

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };

async function readWorkload(
  kube: KubeClient,
  { namespace }: PlanRef,
  { workloadRef: { kind, name }, strategy }: Pick<PlanSpec, 'workloadRef' | 'strategy'>,
): Promise<AssessedWorkload | null> {
  const object = await kube.get({ apiVersion: apiVersionOf(kind), kind, namespace, name });
  if (!object) return null;
  const daemons = kind === 'DaemonSet' ? daemonSetSchema.parse(object) : null;
  const cron = kind === 'CronJob' ? cronJobSchema.parse(object).spec : null;
  const deployment = cron ? ofRuns(object) : commonFieldsOf(object, daemons);
  const ordered = kind === 'StatefulSet' ? statefulSetSchema.parse(object).spec : null;
  const podLabels = deployment.spec.template.metadata.labels;
  const [own, around, services, autoscalers, slices] = await Promise.all([
    readPods(kube, object, kind),
    readNeighbourhood(kube, namespace),
    kube.list({ apiVersion: 'v1', kind: 'Service' }, { namespace }),
    kube.list({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' }, { namespace }),
    kube.list({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }, { namespace }),
  ]);
  const ownUids = new Set([object.metadata.uid ?? '', ...own.map(({ uid }) => uid)]);
  const ownPods = {
    uids: ownUids,
    addresses: new Set(addressesOfPods(around.pods.filter(({ metadata }) => ownUids.has(metadata.uid ?? '')))),
  };
  const picking = services.items.flatMap((service): SelectingService[] => {
    const { selector, type, sessionAffinity } = serviceSchema.parse(service).spec;
    if (isCanaryObject(service.metadata) || type === 'ExternalName' || !selects(selector, podLabels)) return [];
    const { name: serviceName = '', labels } = service.metadata;
    const others = [
      ...strangersBehind(selector ?? {}, around, ownUids),
      ...strangeSlices(slices.items, serviceName, ownPods),
    ];
    return [{ name: serviceName, selector: selector ?? {}, labels, sessionAffinity, others }];
  });
  const claims = await readClaims(kube, namespace, object);
  return {
    object,
    strategy: chooseStrategy({
      ...{ kind, asked: strategy?.type, services: picking, claims },
      replicas: deployment.spec.replicas,
    }),
    deployment,
    ordered,
    daemon: daemons?.spec ?? null,
    cron,
    rollout: ROLLOUT_OF[kind](object),
    pods: own,
    claims,
    livePods: around.pods.filter(({ metadata }) => ownUids.has(metadata.uid ?? '')),
    services: picking,
    servicesByEndpoints: servicesByEndpoints(
      slices.items,
      ownPods,
      picking.map((service) => service.name),
    ),
    autoscalers: autoscalers.items.filter((autoscaler) => scales(autoscaler, { kind, name })),
  };
}

/** A CronJob with the common fields of its runs; it selects no pods, they have owners. */
const ofRuns = (object: KubeObject): Deployment =>
  deploymentSchema.parse({ spec: { replicas: 1, selector: {}, template: podTemplateOf(object) } });

/** The number of pods of a DaemonSet is that of its nodes. */
function commonFieldsOf(object: KubeObject, daemons: DaemonSet | null): Deployment {
  const deployment = deploymentSchema.parse(object);
  if (!daemons) return deployment;
  return { ...deployment, spec: { ...deployment.spec, replicas: daemons.status.desiredNumberScheduled } };
}

const ROLLOUT_OF: Record<MigratedKind, (object: KubeObject) => Rollout> = {
  Deployment: rolloutOf,
  StatefulSet: orderedRolloutOf,
  DaemonSet: daemonRolloutOf,
  // Between its runs it has no pods that could be missing.
  CronJob: () => ({ state: 'done' }),
};

async function readPods(kube: KubeClient, object: KubeObject, kind: MigratedKind): Promise<RolloutPod[]> {
  switch (kind) {
    case 'Deployment':
      return (await podsOfWorkload(kube, object)).pods;
    case 'StatefulSet':
      return podsOfStatefulSet(kube, object);
    case 'DaemonSet':
      return podsOfDaemonSet(kube, object);
    case 'CronJob':
      return lastPods(runsAmong(object, await readRuns(kube, object.metadata.namespace ?? '')));
  }
}

async function readClaims(kube: KubeClient, namespace: string, workload: KubeObject): Promise<Claim[]> {
  const names = claimsOf(workload);
  const claims = await Promise.all(
    names.map((name) => kube.get({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name })),
  );
  return claims.flatMap((claim) => {
    if (!claim) return [];
    const { accessModes = [] } = claim['spec'] as { accessModes?: string[] };
    return [{ name: claim.metadata.name ?? '', accessModes }];
  });
}

function claimsOf(workload: KubeObject): string[] {
  const { spec } = podTemplateOf(workload) as {
    spec: { volumes?: { persistentVolumeClaim?: { claimName: string } }[] };
  };
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
}

/** Whether an autoscaler is there for the workload. */
function scales({ metadata, ...autoscaler }: KubeObject, { kind, name }: { kind: string; name: string }): boolean {
  const { scaleTargetRef } = autoscaler['spec'] as { scaleTargetRef?: { kind?: string; name?: string } };
  return !isCanaryObject(metadata) && scaleTargetRef?.kind === kind && scaleTargetRef.name === name;
}

async function findInTheWay(kube: KubeClient, ref: PlanRef, workload: AssessedWorkload | null): Promise<string[]> {
  const { namespace } = ref;
  const wanted = workload ? besideOf(workload, namespace) : [];
  const found = await Promise.all(
    wanted.map(async (id) => {
      const object = await kube.get(id);
      const plan = object && planNameOf(object.metadata);
      // A canary of a migration under way goes by itself; this plan waits until it has.
      const isWaitedFor =
        plan !== undefined && (plan === ref.name || (await isUnderWay(kube, { namespace, name: plan })));
      return object && !isWaitedFor ? [`${id.kind} ${id.name}`] : [];
    }),
  );
  return found.flat();
}

/** What would be made beside a workload: a canary, or a trial run. */
function besideOf(workload: AssessedWorkload, namespace: string): ObjectId[] {
  const name = canaryName(workload.object.metadata.name ?? '');
  if (workload.cron) return [{ apiVersion: 'batch/v1', kind: 'Job', namespace, name }];
  if (isUndivided(workload)) return [];
  const services = workload.services.map((service) => canaryName(service.name));
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name },
    ...services.map((service) => ({ apiVersion: 'v1', kind: 'Service', namespace, name: service })),
  ];
}

async function isUnderWay(kube: KubeClient, plan: { namespace: string; name: string }): Promise<boolean> {
  const object = await kube.get({ ...PLAN_TYPE, ...plan });
  const { finishedAt } = (object?.['status'] ?? {}) as { finishedAt?: string };
  return object !== undefined && finishedAt === undefined;
}

async function waysTo(
  kube: KubeClient,
  place: { namespace: string; domain: string },
  workload: AssessedWorkload | null,
): Promise<WaysIn> {
  if (!workload || isUndivided(workload)) return { ways: [], unread: [] };
  const { ways, unread } = await readWaysIn(kube, {
    ...place,
    services: workload.services.map(({ name }) => name),
    podSpec: workload.deployment.spec.template.spec,
  });
  return { ways: [...ways, ...workload.servicesByEndpoints.map((name) => undividedWay('Endpoints', name))], unread };
}

const recordIn = (plan: KubeObject | undefined): Pick<Facts, 'planAnnotations' | 'planCreatedAt'> => ({
  planAnnotations: plan?.metadata.annotations ?? {},
  planCreatedAt: plan?.metadata.creationTimestamp ?? null,
});

function accountOf(workload: AssessedWorkload | null, spec: PlanSpec): string {
  if (!workload) return spec.serviceAccountName ?? 'default';
  return (
    wantedAccount(podTemplateOf(workload.object), spec) ?? workload.deployment.spec.template.spec.serviceAccountName
  );
}

/** Reads everything that the checks look at. */
export async function gatherFacts(
  kube: KubeClient,
  ref: PlanRef,
  { spec, domain, root }: { spec: PlanSpec; domain: string; root: string },
): Promise<Facts> {
  const { namespace } = ref;
  const plan = { ...PLAN_TYPE, namespace, name: ref.name };
  const [own, sccs, space, workload, policies] = await Promise.all([
    kube.get(plan),
    kube.list(SCC_KIND),
    kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }),
    readWorkload(kube, ref, spec),
    readPolicies(kube, { namespace, root }),
  ]);
  const account = accountOf(workload, spec);
  const [serviceAccount, inTheWay, { ways, unread }] = await Promise.all([
    kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: account }),
    findInTheWay(kube, ref, workload),
    waysTo(kube, { namespace, domain }, workload),
  ]);
  const automount = serviceAccount?.['automountServiceAccountToken'];
  return {
    ref,
    spec,
    ...recordIn(own),
    namespace: { name: namespace, labels: space?.metadata.labels, annotations: space?.metadata.annotations },
    ownedLabels: ownedLabelsOf(space),
    sccs: compileSCCs(sccs.items.map((scc) => sccSchema.parse(scc))),
    workload,
    policies,
    ways: spec.workloadRef.kind === 'Deployment' ? ways.filter(({ kind }) => !SURVEYED.has(kind)) : ways,
    unread,
    serviceAccount: {
      name: account,
      exists: serviceAccount !== undefined,
      automountToken: typeof automount === 'boolean' ? automount : undefined,
    },
    inTheWay,
  };
}

/** The SCC that the workload's pods run under; null while they differ, or when no pod carries one. */
export function observedSource({ pods }: AssessedWorkload, targetSCC: string): string | null {
  const seen = [...new Set(pods.filter(({ leaving }) => !leaving).flatMap(({ scc }) => scc ?? []))];
  const others = seen.filter((scc) => scc !== targetSCC);
  if (others.length > 1) return null;
  return others[0] ?? seen[0] ?? null;
}
