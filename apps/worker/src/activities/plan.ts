import type { EvaluationRequest, GovernanceClient, MigrationOutcome } from '@scc/governance-api';
import { isConflict, isInvalid, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_AUTHOR_ANNOTATION,
  durationMs,
  editorsOf,
  FIELD_MANAGER,
  FINALIZER,
  isRecord,
  parseSpec,
  PLAN_TYPE,
  type PlanRef,
  type PlanSpec,
  type PlanStatus,
} from '@scc/plan';
import type { AcceptedPlan, Acceptance, LiveSettings, MigrationActivities } from '@scc/migration/contract';
import { terminal } from '../failures.js';

/** The plan; undefined when it is gone, also when another one has its name now. */
export async function findSamePlan(
  kube: Pick<KubeClient, 'get'>,
  { namespace, name, uid }: PlanRef,
): Promise<KubeObject | undefined> {
  const object = await kube.get({ ...PLAN_TYPE, namespace, name });
  return object?.metadata.uid === uid ? object : undefined;
}

type LiveSpec = Pick<PlanSpec, 'gates' | 'traffic' | 'suspend'>;
const liveOf = (spec: LiveSpec, generation: number): LiveSettings => ({
  generation,
  suspended: spec.suspend,
  intervalMs: durationMs(spec.traffic.interval),
  gates: spec.gates,
});

/** Of a plan that the engine made for a campaign it is the campaign's; governance looks that up itself. */
const authorIn = (annotations: Readonly<Record<string, string>>): string | null =>
  annotations[CAMPAIGN_AUTHOR_ANNOTATION] ?? annotations[AUTHOR_ANNOTATION] ?? null;

function acceptedOf(object: KubeObject, spec: PlanSpec): AcceptedPlan {
  const generation = object.metadata.generation ?? 1;
  const { mirror, weights } = spec.traffic;
  return {
    generation,
    author: authorIn(object.metadata.annotations ?? {}),
    workload: spec.workloadRef.name,
    targetSCC: spec.targetSCC,
    approvalRequired: spec.approval.required,
    onFailure: spec.rollback.onFailure,
    sourceGrant: spec.grants.source,
    live: liveOf(spec, generation),
    mirror: { percentage: mirror.percentage, durationMs: durationMs(mirror.duration), methods: mirror.methods },
    weights,
    readinessTimeoutMs: durationMs(spec.gates.readiness.timeout),
    ...(spec.bake === undefined ? {} : { bakeMs: durationMs(spec.bake) }),
    ...(spec.trial === undefined ? {} : { trialMs: durationMs(spec.trial.duration) }),
    ...(spec.volumes?.census === true || spec.volumes?.ownerChange !== undefined ? { census: true } : {}),
    run: runOf(spec),
    dryRun: spec.dryRun,
    notBeforeMs: spec.schedule.notBefore === undefined ? null : Date.parse(spec.schedule.notBefore),
  };
}

/** How long the next run of a CronJob, or the first pods of a workload, are waited for where the plan does not say it. */
const WAIT_FOR_RUN = '24h';

const runOf = ({ strategy }: PlanSpec): NonNullable<AcceptedPlan['run']> => ({
  trial: strategy?.trialRun ?? false,
  waitMs: durationMs(strategy?.waitForRun ?? WAIT_FOR_RUN),
});

/** A plan with everything that it would do. */
export interface ReadPlan {
  spec: PlanSpec;
  accepted: AcceptedPlan;
  /** Everybody else who edited what the plan would do, as admission saw it. */
  editors: string[];
}

/** @throws ApplicationFailure terminal, when the plan is gone or is no plan any more. */
export async function readPlan(kube: KubeClient, ref: PlanRef): Promise<ReadPlan> {
  const object = await findSamePlan(kube, ref);
  if (!object) throw terminal('planGone', `the plan ${ref.namespace}/${ref.name} does not exist any more`);
  const parsed = parseSpec(object['spec']);
  if (!parsed.ok)
    throw terminal('refused', parsed.violations.map(({ field, message }) => `${field}: ${message}`).join('; '));
  return planOf(object, parsed.spec);
}

export const planOf = (object: KubeObject, spec: PlanSpec): ReadPlan => ({
  spec,
  accepted: acceptedOf(object, spec),
  editors: editorsOf(object.metadata.annotations ?? {}),
});

/** The plan as governance knows it: its author and editors approve nothing of it. */
export const identityOf = (
  { namespace, name, uid }: PlanRef,
  { accepted: { generation, author }, editors }: Pick<ReadPlan, 'accepted' | 'editors'>,
): Omit<
  EvaluationRequest['plan'],
  'authorIdentity' | 'editorIdentity' | 'earlierEditors' | 'createdAt' | 'campaign'
> => ({
  namespace,
  name,
  uid,
  generation,
  author,
  editors,
});

interface EarlierRecord {
  read: (uid: string) => Promise<MigrationOutcome | null>;
  judge: (plan: KubeObject, recorded: MigrationOutcome) => Promise<Acceptance | null>;
}

type PlanActivities = Pick<MigrationActivities, 'acceptPlan' | 'readLiveSettings'>;

/** Fails with a conflict when the plan was written, or made again, since it was read. */
function setFinalizers(kube: KubeClient, { metadata }: KubeObject, finalizers: string[]): Promise<KubeObject> {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata;
  const written = { ...PLAN_TYPE, metadata: { namespace, name, uid, resourceVersion, finalizers } };
  return kube.apply(written, { fieldManager: FIELD_MANAGER, force: true });
}

/** Takes our finalizer away, also when another client has put it on the plan; does nothing when the plan is gone. */
export async function releasePlan(kube: KubeClient, ref: PlanRef): Promise<void> {
  const plan = await findSamePlan(kube, ref);
  if (!plan) return;
  try {
    const { metadata } = await setFinalizers(kube, plan, []);
    const { finalizers = [], resourceVersion } = metadata;
    if (!finalizers.includes(FINALIZER)) return;
    // Apply only takes away what the worker itself owns.
    const { namespace, name, uid } = ref;
    const left = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    await kube.patch(
      { ...PLAN_TYPE, namespace, name },
      { type: 'merge', body: { metadata: { uid, resourceVersion, finalizers: left } }, fieldManager: FIELD_MANAGER },
    );
  } catch (error) {
    if (isNotFound(error) || !(await findSamePlan(kube, ref))) return;
    throw error;
  }
}

/**
 * Shows that a plan is taken up, before anything else is done about it.
 * @returns the plan with that status; undefined where it shows something already, or was written since it was read
 */
async function showTakenUp(kube: KubeClient, plan: KubeObject, first: PlanStatus): Promise<KubeObject | undefined> {
  const { namespace = '', name = '', uid, resourceVersion, generation = 1 } = plan.metadata;
  if (isRecord(plan['status']) && plan['status']['phase'] !== undefined) return undefined;
  const body = [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/status', value: { ...first, observedGeneration: generation } },
  ];
  const write = { type: 'json', body, subresource: 'status', fieldManager: FIELD_MANAGER } as const;
  try {
    return await kube.patch({ ...PLAN_TYPE, namespace, name }, write);
  } catch (error) {
    if (isConflict(error) || isInvalid(error) || isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * The activities that read the plan itself and hold it by its finalizer.
 * @param review decides which edits of a running plan take effect
 * @param earlier what is on record of a migration of a plan before its workflow began: read by the plan's uid, null for
 *   nothing, and then made of it, perhaps nothing as well
 */
export function planActivities(
  kube: KubeClient,
  earlier: EarlierRecord,
  review: GovernanceClient['liveSettings'],
): PlanActivities {
  const find = (ref: PlanRef) => findSamePlan(kube, ref);
  return {
    acceptPlan: async (ref, first) => {
      const reading = earlier.read(ref.uid);
      // Of a plan that is gone nobody wants to know it.
      reading.catch(() => undefined);
      const object = await find(ref);
      if (!object) throw terminal('planGone', `the plan ${ref.namespace}/${ref.name} does not exist any more`);
      if (object.metadata.deletionTimestamp !== undefined)
        throw terminal('planGone', `the plan ${ref.namespace}/${ref.name} is being deleted`);
      const recorded = await reading;
      const before = recorded && (await earlier.judge(object, recorded));
      if (before) return before;
      const parsed = parseSpec(object['spec']);
      if (!parsed.ok)
        return { accepted: false, violations: parsed.violations, generation: object.metadata.generation ?? 1 };
      const shown = first && (await showTakenUp(kube, object, first));
      await setFinalizers(kube, shown ?? object, [FINALIZER]);
      return { accepted: true, plan: acceptedOf(object, parsed.spec) };
    },
    readLiveSettings: async (ref) => {
      const object = await find(ref);
      const parsed = object && parseSpec(object['spec']);
      if (!object || !parsed?.ok) return null;
      const { metadata } = object;
      const { gates, traffic, suspend } = parsed.spec;
      const generation = metadata.generation ?? 1;
      const editors = editorsOf(metadata.annotations ?? {});
      const asked = { generation, editors, gates, traffic: { interval: traffic.interval } };
      const { inForce } = await review(ref.uid, asked);
      if (!inForce) return null;
      return liveOf({ gates: inForce.gates, traffic: { ...traffic, ...inForce.traffic }, suspend }, generation);
    },
  };
}
