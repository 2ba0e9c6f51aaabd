import { isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { canaryName, PLAN_TYPE, planSpecSchema } from '@scc/plan';
import { SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { type Happened, happened } from '../logs.js';
import { findPlan } from '../plan/find.js';
import type { Session } from '../session.js';
import type { Tree, TreeGroup, TreePod, TreeSide } from './model.js';

const ownedSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string().default(''),
    creationTimestamp: z.string().nullish(),
    annotations: z.record(z.string(), z.string()).default({}),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().nullish(),
    ownerReferences: z.array(z.looseObject({ uid: z.string() })).default([]),
  }),
});
type Owned = z.infer<typeof ownedSchema>;
const podSchema = ownedSchema.extend({
  spec: z.looseObject({ nodeName: z.string().nullish() }).prefault({}),
  status: z
    .looseObject({
      phase: z.string().default('Pending'),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
      containerStatuses: z
        .array(
          z.looseObject({
            state: z
              .looseObject({ waiting: z.looseObject({ reason: z.string().default('') }).optional() })
              .prefault({}),
          }),
        )
        .default([]),
    })
    .prefault({}),
});
const workloadSchema = ownedSchema.extend({
  spec: z.looseObject({ replicas: z.int().optional() }).prefault({}),
  status: z
    .looseObject({
      readyReplicas: z.int().default(0),
      desiredNumberScheduled: z.int().default(0),
      numberReady: z.int().default(0),
    })
    .prefault({}),
});

/** How many pods a workload wants, and how many of them are ready. */
function countsOf(kind: string, object: KubeObject, groups: readonly TreeGroup[]): [number, number] {
  const { spec, status } = workloadSchema.parse(object);
  if (kind === 'DaemonSet') return [status.desiredNumberScheduled, status.numberReady];
  if (kind !== 'CronJob') return [spec.replicas ?? 1, status.readyReplicas];
  // The pods of a CronJob are those of its runs.
  const pods = groups.flatMap((group) => group.pods);
  return [pods.length, pods.filter(({ ready }) => ready).length];
}

/** A pod as the tree shows it. */
export function podFrom(object: KubeObject): TreePod & { owners: string[]; revision: string } {
  const { metadata, spec, status } = podSchema.parse(object);
  const waiting = status.containerStatuses.flatMap(({ state }) => state.waiting?.reason ?? []).find(Boolean);
  const ordinal = metadata.labels['apps.kubernetes.io/pod-index'];
  const isLeaving = Boolean(metadata.deletionTimestamp);
  return {
    name: metadata.name,
    ordinal: ordinal === undefined ? null : Number(ordinal),
    scc: metadata.annotations[SCC_ANNOTATION] ?? null,
    node: spec.nodeName ?? null,
    ready: !isLeaving && status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    state: isLeaving ? 'Terminating' : (waiting ?? status.phase),
    createdAt: metadata.creationTimestamp ?? null,
    owners: metadata.ownerReferences.map(({ uid }) => uid),
    revision: metadata.labels['controller-revision-hash'] ?? '',
  };
}

const isOwnedBy = ({ metadata }: Owned, uid: string): boolean =>
  metadata.ownerReferences.some((one) => one.uid === uid);
type Pods = readonly ReturnType<typeof podFrom>[];

/** The ReplicaSets of a Deployment or the Jobs of a CronJob that have pods, newest first; the revisions of another. */
function groupsOf(workload: Owned, sets: readonly (Owned & { kind: string })[], pods: Pods): TreeGroup[] {
  const own = pods.filter(({ owners }) => owners.includes(workload.metadata.uid));
  const revisions = [...new Set(own.map(({ revision }) => revision))].toSorted();
  const byRevision = revisions.map((revision) => ({
    name: `revision ${revision || 'unknown'}`,
    createdAt: null,
    pods: own.filter((pod) => pod.revision === revision).toSorted((a, b) => (b.ordinal ?? 0) - (a.ordinal ?? 0)),
  }));
  const bySet = sets
    .filter((set) => isOwnedBy(set, workload.metadata.uid))
    .map(({ kind, metadata: { name, uid, creationTimestamp } }) => ({
      name: `${kind} ${name}`,
      createdAt: creationTimestamp ?? null,
      pods: pods.filter(({ owners }) => owners.includes(uid)),
    }))
    .filter((group) => group.pods.length > 0)
    .toSorted((one, other) => (other.createdAt ?? '').localeCompare(one.createdAt ?? ''));
  return [...bySet, ...byRevision];
}

/** What stands between a workload and its pods, by the kind of the workload; nothing where pods are its own. */
const BETWEEN: Partial<Record<string, { apiVersion: string; kind: string }>> = {
  Deployment: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  CronJob: { apiVersion: 'batch/v1', kind: 'Job' },
};

/** The workload with its pods, and the canary beside it where there is one. */
export async function sidesOf(
  kube: KubeClient,
  namespace: string,
  ref: { kind: string; name: string },
): Promise<TreeSide[]> {
  const { kind } = ref;
  const list = async (of: { apiVersion: string; kind: string }): Promise<KubeObject[]> =>
    (await kube.list(of, { namespace })).items;
  const get = (name: string) =>
    kube
      .get({ apiVersion: kind === 'CronJob' ? 'batch/v1' : 'apps/v1', kind, namespace, name })
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  const between = BETWEEN[kind];
  const [workload, canary, owners, items] = await Promise.all([
    get(ref.name),
    kind === 'Deployment' ? get(canaryName(ref.name)) : undefined,
    between ? list(between) : [],
    list({ apiVersion: 'v1', kind: 'Pod' }),
  ]);
  const sets = owners.map((item) => ({ ...ownedSchema.parse(item), kind: between?.kind ?? '' }));
  const pods = items.map(podFrom);
  const side = (object: KubeObject | undefined, role: TreeSide['role']): TreeSide[] => {
    if (!object) return [];
    const parsed = ownedSchema.parse(object);
    const groups = groupsOf(parsed, sets, pods);
    const [wanted, ready] = countsOf(kind, object, groups);
    return [{ name: `${kind} ${parsed.metadata.name}`, role, wanted, ready, groups }];
  };
  return [...side(workload, 'workload'), ...side(canary, 'canary')];
}

const specSchema = z.looseObject({ spec: planSpecSchema });

/** What one picture of a migration shows, asked now. @throws CliError when there is no such plan */
export async function readTree(session: Session, namespace: string, name: string): Promise<Tree> {
  const kube = await session.kube();
  const plan = await findPlan(session, namespace, name);
  const [kind = '', workload = ''] = plan.workload.split(' ');
  const [sides, past, object] = await Promise.all([
    sidesOf(kube, namespace, { kind, name: workload }),
    happened(session, namespace, plan.ref.uid),
    kube.get({ ...PLAN_TYPE, namespace, name }),
  ]);
  return {
    now: new Date(),
    plan: { namespace, name, createdAt: plan.createdAt },
    spec: specSchema.safeParse(object).data?.spec ?? null,
    status: plan.status,
    workload: plan.workload,
    targetSCC: plan.targetSCC,
    sides,
    ...judged(past),
  };
}

/** The newest samples of gates, and since when the present weight holds, from what governance recorded. */
function judged(past: readonly Happened[]): Pick<Tree, 'samples' | 'weightSince' | 'events'> {
  const samples = past.flatMap(({ event }) =>
    event?.type === 'GatePassed' || event?.type === 'GateFailed' ? event.samples : [],
  );
  return {
    samples,
    weightSince: past.findLast(({ event }) => event?.type === 'WeightShifted')?.at ?? null,
    events: past,
  };
}
