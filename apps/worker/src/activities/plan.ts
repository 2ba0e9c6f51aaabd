import { isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import {
  AUTHOR_ANNOTATION,
  durationMs,
  FIELD_MANAGER,
  FINALIZER,
  parseSpec,
  planStatusSchema,
  PLAN_TYPE,
  type PlanRef,
  type PlanSpec,
} from '@scc/plan';
import type { AcceptedPlan, LiveSettings, MigrationActivities } from '@scc/migration/contract';
import { terminal } from './failures.js';

/** The plan; undefined when it is gone, also when another one has its name now. */
export async function findPlan(kube: KubeClient, { namespace, name, uid }: PlanRef): Promise<KubeObject | undefined> {
  const object = await kube.get({ ...PLAN_TYPE, namespace, name });
  return object?.metadata.uid === uid ? object : undefined;
}

const liveOf = (spec: PlanSpec, generation: number): LiveSettings => ({
  generation,
  suspended: spec.suspend,
  intervalMs: durationMs(spec.traffic.interval),
  gates: spec.gates,
});

function acceptedOf(object: KubeObject, spec: PlanSpec): AcceptedPlan {
  const generation = object.metadata.generation ?? 1;
  const { mirror, weights } = spec.traffic;
  return {
    generation,
    author: object.metadata.annotations?.[AUTHOR_ANNOTATION] ?? null,
    spec,
    live: liveOf(spec, generation),
    mirror: { percentage: mirror.percentage, durationMs: durationMs(mirror.duration), methods: mirror.methods },
    weights,
    readinessTimeoutMs: durationMs(spec.gates.readiness.timeout),
    dryRun: spec.dryRun,
    notBeforeMs: spec.schedule.notBefore === undefined ? null : Date.parse(spec.schedule.notBefore),
  };
}

type PlanActivities = Pick<MigrationActivities, 'acceptPlan' | 'readLiveSettings' | 'planPhase' | 'releasePlan'>;

/** The activities that read the plan itself and hold it by its finalizer. */
export function planActivities(kube: KubeClient): PlanActivities {
  const find = (ref: PlanRef) => findPlan(kube, ref);
  const setFinalizers = async ({ namespace, name, uid }: PlanRef, finalizers: string[]): Promise<void> => {
    await kube.apply(
      { ...PLAN_TYPE, metadata: { namespace, name, uid, finalizers } },
      { fieldManager: FIELD_MANAGER, force: true },
    );
  };
  return {
    acceptPlan: async (ref) => {
      const object = await find(ref);
      if (!object) throw terminal('planGone', `the plan ${ref.namespace}/${ref.name} does not exist any more`);
      if (object.metadata.deletionTimestamp !== undefined)
        throw terminal('planGone', `the plan ${ref.namespace}/${ref.name} is being deleted`);
      const parsed = parseSpec(object['spec']);
      if (!parsed.ok)
        return { accepted: false, violations: parsed.violations, generation: object.metadata.generation ?? 1 };
      await setFinalizers(ref, [FINALIZER]);
      return { accepted: true, plan: acceptedOf(object, parsed.spec) };
    },
    readLiveSettings: async (ref) => {
      const object = await find(ref);
      const parsed = object && parseSpec(object['spec']);
      return parsed?.ok ? liveOf(parsed.spec, object?.metadata.generation ?? 1) : null;
    },
    planPhase: async (ref) => {
      const status = (await find(ref))?.['status'];
      return planStatusSchema.pick({ phase: true }).parse(status ?? {}).phase ?? null;
    },
    releasePlan: async (ref) => {
      if (!(await find(ref))) return;
      try {
        await setFinalizers(ref, []);
      } catch (error) {
        if (isNotFound(error) || !(await find(ref))) return;
        throw error;
      }
    },
  };
}
