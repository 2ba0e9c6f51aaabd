import { GovernanceError, type GovernanceClient, type MigrationOutcome } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { FIELD_MANAGER, isTerminal, PLAN_TYPE, planStatusSchema, type PlanRef, type PlanStatus } from '@scc/plan';
import type { Acceptance, MigrationActivities, RecordedEnd } from '@scc/migration/contract';
import { terminal } from '../failures.js';
import { currentRun } from './pace.js';
import { findSamePlan, releasePlan } from './plan.js';
import { outlineOf, recordedTarget } from './target.js';

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

type OutcomeActivities = Pick<
  MigrationActivities,
  'recordedOutcome' | 'recordedAfterwards' | 'settlePlan' | 'releasePlan' | 'takeOver' | 'handOver'
>;

interface Deps {
  kube: KubeClient;
  governance: Pick<GovernanceClient, 'outcome' | 'preImages' | 'takeOver' | 'handOver'>;
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
  { kube, governance }: { kube: KubeClient; governance: Pick<GovernanceClient, 'preImages'> },
  plan: KubeObject,
  outcome: MigrationOutcome,
): Promise<Extract<Acceptance, { over: RecordedEnd } | { unfinished: true }> | null> {
  const { uid = '' } = plan.metadata;
  if (outcome.end) {
    await settleStatus(kube, plan, outcome.end);
    return { accepted: false, over: outcome.end };
  }
  const { images } = await governance.preImages(uid);
  return images.length ? { accepted: false, unfinished: true } : null;
}

/** Governance's knowledge of the migration; null when it never heard of it. */
export async function knownOutcome(
  governance: Pick<GovernanceClient, 'outcome'>,
  uid: string,
): Promise<MigrationOutcome | null> {
  try {
    return await governance.outcome(uid);
  } catch (error) {
    if (error instanceof GovernanceError && error.status === 404) return null;
    throw error;
  }
}

/** Governance's record of a migration's end, the plan brought in line with it, and who has the migration. */
export function outcomeActivities({ kube, governance }: Deps): OutcomeActivities {
  const known = async ({ namespace, name, uid }: PlanRef): Promise<MigrationOutcome | null> => {
    const outcome = await knownOutcome(governance, uid);
    if (!outcome) return null;
    const { plan } = outcome;
    if (plan.namespace === namespace && plan.name === name) return outcome;
    const owner = `${plan.namespace}/${plan.name}`;
    throw terminal('refused', `uid: ${uid} belongs to the plan ${owner}, not to ${namespace}/${name}; name its plan`);
  };
  return {
    recordedOutcome: async (ref) => {
      const outcome = await known(ref);
      return outcome ? { known: true, end: outcome.end } : { known: false, end: null };
    },
    recordedAfterwards: async (ref) => {
      const outcome = await known(ref);
      if (!outcome?.end || !outcome.afterwards) return null;
      const { target, revoked } = outcome.afterwards;
      return { target: outlineOf(recordedTarget(target)), endedMs: Date.parse(outcome.end.at), revoked };
    },
    settlePlan: async (ref) => {
      const outcome = await known(ref);
      const object = await findSamePlan(kube, ref);
      if (!object) return;
      const end = outcome?.end ?? null;
      if (end) await settleStatus(kube, object, end);
      const isGoing = object.metadata.deletionTimestamp !== undefined && isReleasable(outcome);
      if (end !== null || isGoing) await releasePlan(kube, ref);
    },
    releasePlan: async (ref) => {
      const outcome = await known(ref);
      if (!isReleasable(outcome))
        throw terminal('refused', `the plan stays held: changes were begun and no end is recorded${reasonOf(outcome)}`);
      await releasePlan(kube, ref);
    },
    takeOver: async ({ uid }) => {
      const { allowed, reason, target } = await governance.takeOver(uid, currentRun());
      if (!allowed) throw terminal('refused', `the migration is not taken over: ${reason}`);
      return target && outlineOf(recordedTarget(target), 'back');
    },
    handOver: async ({ uid }) => {
      const { allowed, reason } = await governance.handOver(uid, currentRun());
      if (!allowed) throw terminal('refused', `the migration is not handed over: ${reason}`);
    },
  };
}

/** Whether nothing is left that only the migration's own undo takes away. */
const isReleasable = (outcome: MigrationOutcome | null): boolean => outcome?.end !== null || !outcome.begun;

const reasonOf = (outcome: MigrationOutcome | null): string =>
  typeof outcome?.untrusted === 'string' ? `: ${outcome.untrusted}` : '';
