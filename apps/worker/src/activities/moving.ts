import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { budgetAgainst } from '../cluster/budgets.js';
import { labelledTemplateSchema } from '../cluster/objects.js';
import type { RolloutPod } from '../cluster/rollout.js';
import type { WorkloadPod } from '../cluster/workload-pods.js';
import { terminal } from '../failures.js';
import { until } from './pace.js';
import type { TargetActivities } from './target.js';
import { revert } from './three-way.js';
import {
  gone,
  leftAlone,
  readWorkload,
  templateChanged,
  templateOf,
  workloadBefore,
  workloadId,
} from './workload-object.js';

/** What is common to workloads whose own pods move one by one. */
export type MovingActivities = Pick<
  TargetActivities,
  'migrateWorkload' | 'moveOrdinal' | 'awaitOrdinal' | 'awaitWorkload' | 'restoreWorkload'
> & {
  /** @param isEnough asked where nothing is left to do but wait; without it every pod is waited for */
  awaitStable: (
    target: MigrationTarget,
    isEnough?: (object: KubeObject, pods: readonly WorkloadPod[]) => boolean,
  ) => Promise<void>;
};

/** How long a disruption budget may forbid the next move, in milliseconds. */
const BUDGET_MS = 5 * 60_000;

/**
 * Waits while a budget forbids that a pod which is ready is taken away.
 * @throws ApplicationFailure terminal, when it does so for minutes
 */
export async function awaitBudget(
  kube: KubeClient,
  { ref, templateBefore }: MigrationTarget,
  pod: RolloutPod | undefined,
): Promise<void> {
  if (!pod?.ready) return;
  const { metadata } = labelledTemplateSchema.parse(templateBefore);
  let budget: string | null = null;
  const look = async (): Promise<true | undefined> => {
    budget = await budgetAgainst(kube, { namespace: ref.namespace, labels: metadata.labels });
    return budget === null ? true : undefined;
  };
  const expired = () =>
    terminal(
      'rollout',
      `PodDisruptionBudget ${budget ?? ''} allows no disruption of ${pod.name} for ${BUDGET_MS / 1000} s`,
    );
  await until(look, { everyMs: 1_000, timeoutMs: BUDGET_MS, expired });
}

/** Deletes this very pod; its controller makes another one from the template that is there now. */
export async function removePod(
  kube: KubeClient,
  { ref }: MigrationTarget,
  { name, uid }: Pick<RolloutPod, 'name' | 'uid'>,
): Promise<void> {
  await kube.delete({ apiVersion: 'v1', kind: 'Pod', namespace: ref.namespace, name }, { uid });
}

/**
 * The pods that show that a workload works under the target.
 * @throws ApplicationFailure terminal, when there are none any more
 */
export function witnesses<Pod>({ workload, targetSCC }: MigrationTarget, pods: Pod[]): Pod[] {
  if (pods.length > 0) return pods;
  throw terminal(
    'drift',
    `${workload} has no pod any more, so that nothing shows that it works under ${targetSCC}; apply the plan again: its first pods are then watched`,
  );
}

/**
 * The workload while its pods move.
 * @param driftOf why what the pods are moved by is not as the migration has set it, or null
 * @throws ApplicationFailure terminal, when another client has changed that or the template
 */
export async function readMoving(
  kube: KubeClient,
  target: MigrationTarget,
  driftOf: (object: KubeObject) => string | null,
): Promise<KubeObject> {
  const object = await readWorkload(kube, target);
  if (!isDeepStrictEqual(templateOf(object), target.templateAfter)) throw templateChanged(target);
  const drift = driftOf(object);
  if (drift !== null) throw terminal('drift', drift);
  return object;
}

/** The field of a workload by which its pods are moved. */
interface MovedBy<Value> {
  of: (object: KubeObject) => Value;
  /** The value to give back, and the fields that another client has changed. */
  back: (before: KubeObject, current: KubeObject) => { value: Value; conflicts: string[] };
  write: (current: KubeObject, template: unknown, value: Value) => Promise<void>;
}

/** Gives the template back in one write with what the pods were moved by, as far as no other client changed them. */
export async function restoreMoved<Value>(
  kube: KubeClient,
  target: MigrationTarget,
  images: Parameters<MovingActivities['restoreWorkload']>[1],
  { of, back, write }: MovedBy<Value>,
): ReturnType<MovingActivities['restoreWorkload']> {
  const current = await kube.get(workloadId(target));
  if (current?.metadata.uid !== target.workloadUid) return [gone(target)];
  const before = workloadBefore(images, target);
  const template = revert({
    before: templateOf(before),
    ours: target.templateAfter,
    current: templateOf(current),
  });
  const field = back(before, current);
  const isAsBefore =
    isDeepStrictEqual(template.value, templateOf(current)) && isDeepStrictEqual(of(current), field.value);
  if (!isAsBefore) await write(current, template.value, field.value);
  return leftAlone(target, [...template.conflicts, ...field.conflicts], current);
}
