import type { KubeClient } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { plural } from '@scc/plan/words';
import type { Pod } from '@scc/scc';
import type { OwnersTask } from '@scc/migration/contract';
import { z } from 'zod';
import { picks } from '../cluster/selectors.js';
import { hasComputedPath } from '../cluster/census.js';
import { madeBy } from '../cluster/makers.js';
import { readNeighbourhood } from '../cluster/strangers.js';
import { isLive } from '../cluster/workload-pods.js';
import { observedSource, type AssessedWorkload, type Facts } from './facts.js';
import type { DataVolume } from './storage.js';
import { isAccepted } from './ways.js';

/** Whether the owners of a workload's data can be changed while it is stopped, and taken back; what that means. */

/** The users of all containers, and their group. */
interface Users {
  uids: (number | null)[];
  fsGroup: number | null;
}

interface Question {
  facts: Facts;
  workload: AssessedWorkload;
  volumes: readonly DataVolume[];
  before: Users;
  after: Users;
  migrated: Pod;
  /** An image that takes a data folder of its own user alone. */
  ownerOnly: string | undefined;
  /** Why the data cannot be used otherwise. */
  reason: string;
}

export interface OwnerChange {
  violations: Violation[];
  warnings: string[];
  owners?: OwnersTask;
}

const FIELD = 'spec.volumes.ownerChange';
const BUDGET = 'PodDisruptionBudget';
/** Without these root may not give a file away. */
const NEEDED = ['ALL', 'CHOWN', 'FOWNER', 'DAC_OVERRIDE'];

const retentionSchema = z.looseObject({
  persistentVolumeClaimRetentionPolicy: z.looseObject({ whenScaled: z.string().optional() }).nullish(),
});

const only = ({ uids }: Users): number | null => {
  const [uid = null, ...others] = new Set(uids);
  return others.length === 0 ? uid : null;
};

/** One cause for which no Job could change the owners, or not so that it can be taken back; empty where there is none. */
type Cause = (question: Question) => string;

const isAnotherKind: Cause = ({ workload: { strategy } }) => {
  if (['Ordered', 'Rolling'].includes(strategy.type)) return '';
  return strategy.type === 'Canary'
    ? 'a canary would use the data beside pods that serve; where its own pods move instead (spec.strategy.type: Rolling), it is stopped for it'
    : 'only a StatefulSet, or a Deployment whose own pods move, is stopped for it while it runs';
};

/** Claims of a StatefulSet that are not those of each pod; whom a Deployment shares its claims with is looked up. */
const isShared: Cause = ({ workload: { ordered }, volumes }) => {
  if (!ordered) return '';
  const own = new Set(ordered.volumeClaimTemplates.map(({ metadata }) => metadata.name));
  const shared = volumes.filter(({ name }) => !own.has(name)).map(({ name }) => name);
  return shared.length > 0 ? `the claim ${shared.join(', ')} may be mounted by other workloads, too` : '';
};

const isOfOnePod: Cause = ({ volumes }) => {
  const alone = volumes.filter((volume) => volume.isOfOnePod).map(({ name }) => name);
  return alone.length > 0 ? `while its pod runs no Job can look at ${alone.join(', ')} (ReadWriteOncePod)` : '';
};

const isComputed: Cause = ({ migrated }) =>
  hasComputedPath(migrated.spec) ? 'a path in the volume is only known to its container (subPathExpr)' : '';

const isSeveral: Cause = ({ before, after }) => {
  const [from, to] = [only(before), only(after)];
  if (from === null || to === null) return 'it is not known of all containers that they run as one user, now and then';
  return from === to ? `the user stays ${from}, and owners are not what changes` : '';
};

const isDeleted: Cause = ({ workload: { object } }) =>
  retentionSchema.parse(object['spec']).persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete'
    ? 'its claims are deleted when it is scaled down (persistentVolumeClaimRetentionPolicy.whenScaled)'
    : '';

const isScaled: Cause = ({ workload: { autoscalers } }) => {
  const names = autoscalers.map(({ metadata }) => metadata.name ?? '');
  return names.length > 0 ? `HorizontalPodAutoscaler ${names.join(', ')} would scale it up meanwhile` : '';
};

const isNoRoot: Cause = ({ facts: { sccs, spec }, workload }) => {
  const source = sccs.byName.get(observedSource(workload, spec.targetSCC) ?? '');
  const mayChange = source && !NEEDED.some((one) => source.requiredDrop.includes(one));
  return mayChange && source.runAsUser.type === 'RunAsAny'
    ? ''
    : `its SCC ${source?.name ?? ''} lets no Job run as root`;
};

const isGrouped: Cause = ({ volumes, before, after, ownerOnly }) =>
  ownerOnly !== undefined && before.fsGroup !== after.fsGroup && volumes.some(({ fsGroup }) => fsGroup !== 'Ignored')
    ? `the storage gives the files to the pods' group as well, which ${ownerOnly} refuses`
    : '';

const CAUSES: readonly Cause[] = [
  ...[isAnotherKind, isShared, isOfOnePod, isComputed, isSeveral, isDeleted, isScaled, isNoRoot, isGrouped],
];

const volumesSchema = z.looseObject({
  volumes: z
    .array(z.looseObject({ persistentVolumeClaim: z.looseObject({ claimName: z.string() }).nullish() }))
    .nullish(),
});

/** Who else mounts the claims of a Deployment, now or as soon as it has pods: nobody may while the owners change. */
async function othersOf(kube: Pick<KubeClient, 'list'>, question: Question): Promise<string> {
  const { facts, workload, volumes } = question;
  if (workload.strategy.type !== 'Rolling') return '';
  const { pods, workloads } = await readNeighbourhood(kube, facts.ref.namespace);
  const own = new Set([workload.object, ...workload.livePods].map(({ metadata }) => metadata.uid));
  const names = new Set(volumes.map(({ name }) => name));
  const mounts = (spec: unknown): boolean =>
    (volumesSchema.safeParse(spec).data?.volumes ?? []).some(({ persistentVolumeClaim: claim }) =>
      names.has(claim?.claimName ?? ''),
    );
  const nowMs = Date.now();
  const others = [
    ...workloads.filter((one) => mounts(madeBy(one).template?.spec)),
    ...pods.filter((one) => isLive(one, nowMs) && mounts(one['spec'])).map((one) => ({ ...one, kind: 'Pod' })),
  ].filter(({ metadata }) => !own.has(metadata.uid));
  const said = others.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`).join(', ');
  return said === '' ? '' : `${said} mounts ${[...names].join(', ')}, too`;
}

const budgetSchema = z.looseObject({ spec: z.looseObject({ selector: z.unknown().optional() }).prefault({}) });

/** Budgets of the pods: none is met while all of them are stopped. */
async function budgetsOf(
  kube: Pick<KubeClient, 'list'>,
  { ref, spec }: Facts,
  { deployment }: AssessedWorkload,
): Promise<string[]> {
  const { items } = await kube.list({ apiVersion: 'policy/v1', kind: BUDGET }, { namespace: ref.namespace });
  const { labels } = deployment.spec.template.metadata;
  return items
    .filter((budget) => picks(budgetSchema.parse(budget).spec.selector, labels) === true)
    .map(({ metadata }) => metadata.name ?? '')
    .filter((name) => !isAccepted(spec.traffic.accept, { kind: BUDGET, name }, ref.namespace));
}

/** What a plan that lets its workload be stopped for a change of owners is told, and the task where nothing forbids it. */
export async function reviewOwners(kube: Pick<KubeClient, 'list'>, question: Question): Promise<OwnerChange> {
  const { facts, workload, volumes, before, after, reason } = question;
  const name = `${workload.object.kind} ${workload.object.metadata.name ?? ''}`;
  const [from, to] = [only(before), only(after)];
  const why = [...CAUSES.map((cause) => cause(question)), await othersOf(kube, question)].filter(Boolean);
  const budgets = await budgetsOf(kube, facts, workload);
  const violations: Violation[] = [
    ...why.map((cause) => ({
      ...{ code: 'OwnerChangeNotPossible', field: FIELD },
      message: `${reason}; the owners of its data cannot be changed while ${name} is stopped: ${cause}`,
      remedy: 'Remove the cause, or leave spec.volumes.ownerChange out: the refusal then writes out the way by hand.',
    })),
    ...budgets.map((budget) => ({
      ...{ code: 'OutageNotAllowed', field: FIELD },
      message: `${BUDGET} ${budget} does not allow that all pods of ${name} are stopped at once`,
      remedy: `Accept the outage by spec.traffic.accept: [{kind: ${BUDGET}, name: ${budget}}], or leave spec.volumes.ownerChange out.`,
    })),
  ];
  if (violations.length > 0 || from === null || to === null) return { violations, warnings: [] };
  const names = volumes.map((volume) => volume.name);
  const pods = plural(workload.deployment.spec.replicas, 'pod');
  return {
    violations: [],
    warnings: [
      `${reason}: all ${pods} of ${name} are stopped, which is an outage, while Jobs that are root give the files of ${names.join(', ')} from user ${from} to user ${to}; the pods then start again, and an undo stops them once more and gives the files back`,
    ],
    owners: { volumes: names, from, to, groups: after.fsGroup === null ? [] : [after.fsGroup] },
  };
}
