import { GovernanceError, type GovernanceClient } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER, isTerminal, PLAN_TYPE, planStatusSchema, type PlanRef, type PlanStatus } from '@scc/plan';
import type { Acceptance, MigrationActivities, RecordedEnd } from '@scc/migration/contract';
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
  governance: Pick<GovernanceClient, 'outcome' | 'preImages'>;
}

/** Brings the status of a plan in line with how its migration ended; does nothing where it says so already. */
async function settleStatus(kube: KubeClient, object: KubeObject, end: RecordedEnd): Promise<void> {
  const status = planStatusSchema.parse(object['status'] ?? {});
  if (isTerminal(status.phase)) return;
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = object.metadata;
  const sequence = Math.max((status.sequence ?? 0) + 1, Date.now());
  // The version keeps this from overwriting what was written since it was read.
  const metadata = { namespace, name, uid, resourceVersion };
  const written = { ...PLAN_TYPE, metadata, status: { ...settled(status, end), sequence } };
  await kube.applyStatus(written, { fieldManager: FIELD_MANAGER, force: true });
}

/**
 * What governance has recorded of a plan's migration before this workflow began, which is the first of its uid as far as
 * Temporal remembers; null when nothing was touched. A plan that shows less than the record is brought in line with it.
 */
export async function earlierOf(
  { kube, governance }: Deps,
  plan: KubeObject,
): Promise<Extract<Acceptance, { over: RecordedEnd } | { unfinished: true }> | null> {
  const { uid = '' } = plan.metadata;
  const { known, end } = await outcomeOf(governance, uid);
  if (!known) return null;
  if (end) {
    await settleStatus(kube, plan, end);
    return { accepted: false, over: end };
  }
  const { images } = await governance.preImages(uid);
  return images.length ? { accepted: false, unfinished: true } : null;
}

type Outcome = { known: true; plan: PlanRef; end: RecordedEnd | null } | { known: false; end: null };

async function outcomeOf(governance: Deps['governance'], uid: string): Promise<Outcome> {
  try {
    return { known: true, ...(await governance.outcome(uid)) };
  } catch (error) {
    if (error instanceof GovernanceError && error.status === 404) return { known: false, end: null };
    throw error;
  }
}

/** What governance has recorded of a migration's end, and the plan brought in line with it. */
export function outcomeActivities({ kube, governance }: Deps): OutcomeActivities {
  return {
    recordedOutcome: async ({ namespace, name, uid }) => {
      const outcome = await outcomeOf(governance, uid);
      if (!outcome.known) return outcome;
      const { plan, end } = outcome;
      if (plan.namespace === namespace && plan.name === name) return { known: true, end };
      const owner = `${plan.namespace}/${plan.name}`;
      throw terminal('refused', `uid: ${uid} belongs to the plan ${owner}, not to ${namespace}/${name}; name its plan`);
    },
    settlePlan: async (ref, end) => {
      const object = await findSamePlan(kube, ref);
      if (!object) return;
      if (end) await settleStatus(kube, object, end);
      if (end !== null || object.metadata.deletionTimestamp !== undefined) await releasePlan(kube, ref);
    },
  };
}
