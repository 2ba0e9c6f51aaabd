import type { KubeClient } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { budgetAgainst } from '../cluster/budgets.js';
import { labelledTemplateSchema } from '../cluster/objects.js';
import type { RolloutPod } from '../cluster/rollout.js';
import { terminal } from '../failures.js';
import { until } from './pace.js';
import type { TargetActivities } from './target.js';

/** What is common to workloads whose own pods move one by one. */
export type MovingActivities = Pick<
  TargetActivities,
  'migrateWorkload' | 'moveOrdinal' | 'awaitOrdinal' | 'awaitWorkload' | 'awaitStable' | 'restoreWorkload'
>;

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
