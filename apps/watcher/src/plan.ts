import type { KubeClient, KubeObject } from '@scc/kube';
import { FINALIZER, phaseSchema, PLAN_TYPE } from '@scc/plan';
import { z } from 'zod';
import { isEdited, needsWork } from './reconcile.js';
import type { SeenPlan } from './seen-plan.js';

const seenSchema = z.looseObject({
  metadata: z.looseObject({
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    generation: z.int(),
    deletionTimestamp: z.string().optional(),
    finalizers: z.array(z.string()).default([]),
  }),
  status: z.looseObject({ phase: phaseSchema.optional(), observedGeneration: z.int().optional() }).prefault({}),
});

/** @throws ZodError for a plan that is not as the schema of the API server has it */
export function seenPlan(object: KubeObject): SeenPlan {
  const { metadata, status } = seenSchema.parse(object);
  const { namespace, name, uid, generation, deletionTimestamp, finalizers } = metadata;
  return {
    ref: { namespace, name, uid },
    generation,
    observedGeneration: status.observedGeneration ?? null,
    phase: status.phase ?? null,
    deletionRequested: deletionTimestamp !== undefined,
    held: finalizers.includes(FINALIZER),
  };
}

/** Undefined for a plan that cannot be read: reconciling it says why. */
function tried(object: KubeObject): SeenPlan | undefined {
  try {
    return seenPlan(object);
  } catch {
    return undefined;
  }
}

/** Whether reconciling the plan could lead to anything. */
export function isWanted(object: KubeObject): boolean {
  const plan = tried(object);
  return plan === undefined || needsWork(plan);
}

/**
 * What must differ for a change to wake the watcher: a running migration writes its status many times, and little of it
 * concerns the watcher.
 */
export function markOf(object: KubeObject): string {
  const { uid, generation, deletionTimestamp } = object.metadata;
  const plan = tried(object);
  return JSON.stringify([uid, generation, deletionTimestamp, plan && [needsWork(plan), isEdited(plan)]]);
}

/** Reads a plan by its key, `namespace/name`, from the API server. */
export const planReader =
  (client: KubeClient, signal: AbortSignal) =>
  async (key: string): Promise<SeenPlan | undefined> => {
    const [namespace = '', name = ''] = key.split('/');
    const object = await client.get({ ...PLAN_TYPE, namespace, name }, { signal, timeoutMs: 5000 });
    return object && seenPlan(object);
  };
