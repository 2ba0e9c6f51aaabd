import { GovernanceError, type GovernanceClient } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER, isTerminal, PLAN_TYPE, planStatusSchema, type PlanRef, type PlanStatus } from '@scc/plan';
import type { MigrationActivities, RecordedEnd } from '@scc/migration/contract';
import { terminal } from './failures.js';
import { findSamePlan, releasePlan } from './plan.js';

/** The schema keeps history short enough for etcd; the whole of it is in Temporal and in governance. */
const MAX_HISTORY = 50;

/** The status without what is too long for it. */
export const complete = (status: PlanStatus): PlanStatus => ({
  ...status,
  ...(status.history ? { history: status.history.slice(-MAX_HISTORY) } : {}),
});

/** A status that was overtaken by the end of its migration, as that end should have left it. */
export function settled(status: PlanStatus, { phase, message, at }: RecordedEnd): PlanStatus {
  const observedGeneration = status.observedGeneration ?? 0;
  const said = (type: string, reason: string) =>
    ({ type, status: 'True', reason, message, lastTransitionTime: at, observedGeneration }) as const;
  const ended = [said(phase, 'Recorded'), said('Finished', phase)];
  const others = (status.conditions ?? []).filter(({ type }) => !ended.some((end) => end.type === type));
  return complete({
    ...status,
    ...{ phase, message, weight: 0, finishedAt: at },
    conditions: [...others, ...ended],
    history: [...(status.history ?? []), { phase, at, message }],
  });
}

type OutcomeActivities = Pick<MigrationActivities, 'recordedOutcome' | 'settlePlan'>;

interface Deps {
  kube: KubeClient;
  governance: Pick<GovernanceClient, 'outcome'>;
}

/** What governance has recorded of a migration's end, and the plan brought in line with it. */
export function outcomeActivities({ kube, governance }: Deps): OutcomeActivities {
  const settleStatus = async (ref: PlanRef, object: KubeObject, end: RecordedEnd): Promise<void> => {
    const status = planStatusSchema.parse(object['status'] ?? {});
    if (isTerminal(status.phase)) return;
    const { namespace, name, uid } = ref;
    const { resourceVersion } = object.metadata;
    // The version keeps this from overwriting what was written since it was read.
    const metadata = { namespace, name, uid, ...(resourceVersion ? { resourceVersion } : {}) };
    const sequence = Math.max((status.sequence ?? 0) + 1, Date.now());
    const written = { ...PLAN_TYPE, metadata, status: { ...settled(status, end), sequence } };
    await kube.applyStatus(written, { fieldManager: FIELD_MANAGER, force: true });
  };
  return {
    recordedOutcome: async ({ namespace, name, uid }) => {
      try {
        const { plan, end } = await governance.outcome(uid);
        if (plan.namespace === namespace && plan.name === name) return { known: true, end };
        const owner = `${plan.namespace}/${plan.name}`;
        throw terminal(
          'refused',
          `uid: ${uid} belongs to the plan ${owner}, not to ${namespace}/${name}; name its plan`,
        );
      } catch (error) {
        if (error instanceof GovernanceError && error.status === 404) return { known: false, end: null };
        throw error;
      }
    },
    settlePlan: async (ref, end) => {
      const object = await findSamePlan(kube, ref);
      if (!object) return;
      if (end) await settleStatus(ref, object, end);
      if (end !== null || object.metadata.deletionTimestamp !== undefined) await releasePlan(kube, ref);
    },
  };
}
