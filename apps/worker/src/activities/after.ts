import { isConflict, lastWriter, type KubeClient, type KubeObject } from '@scc/kube';
import type { MigrationActivities, MigrationTarget } from '@scc/migration/contract';
import {
  apiVersionOf,
  type Condition,
  deliveryToolOf,
  FIELD_MANAGER,
  isRecord,
  parseSpec,
  PLAN_TYPE,
  type PlanRef,
  type PlanStatus,
  planStatusSchema,
  setCondition,
} from '@scc/plan';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { podTemplateOf, templatePathOf } from '../cluster/objects.js';
import { terminal } from '../failures.js';
import { complete } from './outcome.js';
import { findSamePlan } from './plan.js';
import type { TargetActivities } from './target.js';

/** The state of a workload whose migration is over. */
export type LastingChange = { state: 'lasting' } | { state: 'drifted'; message: string } | { state: 'over' };

const pinSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/**
 * Whether the template of a workload still asks for the SCC that its migration gave it, and who took that back.
 * @param workload undefined when it is gone
 */
export function changeOf(
  workload: KubeObject | undefined,
  { kind, name, targetSCC }: { kind: string; name: string; targetSCC: string },
): LastingChange {
  if (!workload || workload.metadata.deletionTimestamp !== undefined) return { state: 'over' };
  const { annotations } = pinSchema.parse(podTemplateOf(workload)).metadata ?? {};
  const pinned = annotations?.[REQUIRED_SCC_ANNOTATION];
  if (pinned === targetSCC) return { state: 'lasting' };
  // Another plan has taken the workload further.
  if (newestManagerOf(workload) === FIELD_MANAGER) return { state: 'over' };
  const tool = deliveryToolOf(workload.metadata)?.tool;
  const by = lastWriter(workload, FIELD_MANAGER, [templatePathOf(kind).join('.')]);
  const now = pinned === undefined ? 'no longer asks for an SCC' : `asks for ${pinned}`;
  return {
    state: 'drifted',
    message: `${by}${tool === undefined ? '' : ` (${tool})`} changed ${kind} ${name}: its template ${now} instead of ${targetSCC}; bring status.kustomizePatch into its source, or apply a plan in the other direction`,
  };
}

const newestManagerOf = ({ metadata: { managedFields = [] } }: KubeObject): string | undefined =>
  managedFields
    .filter(({ subresource }) => !subresource)
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))[0]?.manager;

type Said = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

interface Seen {
  plan: KubeObject;
  change: LastingChange;
}

/** The plan of a migration that completed, with its workload; undefined when nothing is left to look after. */
async function lookAt(kube: KubeClient, ref: PlanRef): Promise<Seen | undefined> {
  const plan = await findSamePlan(kube, ref);
  if (!plan || plan.metadata.deletionTimestamp !== undefined) return undefined;
  const parsed = parseSpec(plan['spec']);
  if (!parsed.ok || planStatusSchema.parse(plan['status'] ?? {}).phase !== 'Completed') return undefined;
  const { workloadRef, targetSCC } = parsed.spec;
  const { kind, name } = workloadRef;
  const workload = await kube.get({ apiVersion: apiVersionOf(kind), kind, namespace: ref.namespace, name });
  const change = changeOf(workload, { kind, name, targetSCC });
  return change.state === 'over' ? undefined : { plan, change };
}

/** A status with one condition said; null where it is said already. */
function withCondition(status: PlanStatus, said: Said): PlanStatus | null {
  const { conditions = [], observedGeneration = 0, sequence = 0 } = status;
  const before = conditions.find(({ type }) => type === said.type);
  if (before?.status === said.status && before.message === said.message) return null;
  const condition = { ...said, lastTransitionTime: new Date().toISOString(), observedGeneration };
  const next = setCondition(conditions, condition);
  return complete({ ...status, conditions: next, sequence: Math.max(sequence + 1, Date.now()) });
}

/** Writes one condition of a plan whose migration is over, and an Event; does nothing where it is said already. */
async function say(kube: KubeClient, plan: KubeObject, said: Said): Promise<void> {
  const status = withCondition(planStatusSchema.parse(plan['status'] ?? {}), said);
  if (!status) return;
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = plan.metadata;
  const written = { ...PLAN_TYPE, metadata: { namespace, name, uid, resourceVersion }, status };
  await kube.applyStatus(written, { fieldManager: FIELD_MANAGER, force: true });
  const type = said.type === 'Drifted' && said.status === 'True' ? 'Warning' : 'Normal';
  const { reason, message } = said;
  await kube.recordEvent({ regarding: { ...PLAN_TYPE, namespace, name, uid }, type, reason, message, action: 'Look' });
}

/** Tried again when the plan was written meanwhile. */
async function saying(kube: KubeClient, plan: KubeObject, said: Said): Promise<void> {
  try {
    await say(kube, plan, said);
  } catch (error) {
    const { namespace = '', name = '', uid = '' } = plan.metadata;
    const again = isConflict(error) ? await findSamePlan(kube, { namespace, name, uid }) : undefined;
    if (!again) throw error;
    await say(kube, again, said);
  }
}

const isDrifted = ({ status }: KubeObject & { status?: unknown }): boolean =>
  isRecord(status) &&
  (planStatusSchema.parse(status).conditions ?? []).some(({ type, status: is }) => type === 'Drifted' && is === 'True');

/** Looks whether a change lasts, and says in the plan's status when it was taken back, or is there again. */
export const lookAfterWith =
  (kube: KubeClient): MigrationActivities['lookAfter'] =>
  async (ref) => {
    const seen = await lookAt(kube, ref);
    if (!seen) return 'over';
    const { plan, change } = seen;
    if (change.state === 'drifted') {
      await saying(kube, plan, { type: 'Drifted', status: 'True', reason: 'Reverted', message: change.message });
      return 'drifted';
    }
    const message = 'the template asks for the target SCC again';
    if (isDrifted(plan)) await saying(kube, plan, { type: 'Drifted', status: 'False', reason: 'Restored', message });
    return 'lasting';
  };

/** Whether anything ran under the target before the migration ended. */
const isObserved = ({ status }: KubeObject & { status?: unknown }): boolean =>
  !(planStatusSchema.parse(status ?? {}).conditions ?? []).some(
    ({ type, reason }) => type === 'WorkloadMigrated' && reason === 'NotObserved',
  );

const unobserved = ({ targetSCC }: MigrationTarget) => ({
  bindings: [],
  kept: `nothing had run under ${targetSCC} when the migration ended; revoke it by hand once something has`,
});

/**
 * Revokes the source grant once the change has lasted, and says so.
 * @param revoke takes it away unless another pod needs it
 */
export const revokeLaterWith =
  (
    kube: KubeClient,
    revoke: (target: MigrationTarget) => Promise<{ bindings: string[]; kept: string | null }>,
  ): TargetActivities['revokeLater'] =>
  async (target) => {
    const seen = await lookAt(kube, target.ref);
    if (!seen) return { bindings: [], kept: 'nothing is left to look after' };
    if (seen.change.state === 'drifted') throw terminal('refused', `the source grant stays: ${seen.change.message}`);
    const revoked = isObserved(seen.plan) ? await revoke(target) : unobserved(target);
    const { bindings, kept } = revoked;
    const isGone = kept === null;
    const message = isGone
      ? `the change has lasted, the source grant is revoked (${bindings.join(', ') || 'there was none'})`
      : `the source grant stays: ${kept}`;
    const status = isGone ? 'True' : 'False';
    await saying(kube, seen.plan, { type: 'SourceRevoked', status, reason: isGone ? 'Revoked' : 'Kept', message });
    return revoked;
  };
