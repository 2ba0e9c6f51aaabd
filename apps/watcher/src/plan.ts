import type { KubeClient, KubeObject } from '@scc/kube';
import { LOOKED_AFTER_MS } from '@scc/migration/contract';
import { CAMPAIGN_ANNOTATION, FINALIZER, phaseSchema, PLAN_TYPE, revokeLaterMs } from '@scc/plan';
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
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .looseObject({
      gitops: z.string().nullish(),
      grants: z
        .looseObject({ source: z.enum(['Revoke', 'Keep']).default('Revoke'), revokeAfter: z.string().optional() })
        .prefault({}),
      dryRun: z.boolean().default(false),
    })
    .prefault({}),
  status: z
    .looseObject({
      phase: phaseSchema.optional(),
      observedGeneration: z.int().optional(),
      finishedAt: z.string().optional(),
      conditions: z.array(z.looseObject({ type: z.string(), lastTransitionTime: z.string() })).default([]),
    })
    .prefault({}),
});
type Seen = z.infer<typeof seenSchema>;

/**
 * A plan whose workload a tool delivers says so in `gitops`, or it is refused. Where the source grant is to be revoked
 * later, the time ends only after that was said.
 */
function lookedAfterUntilMs({ spec: { gitops, grants, dryRun }, status }: Seen): number | null {
  if (status.phase !== 'Completed' || dryRun) return null;
  const isDelivered = typeof gitops === 'string';
  const isRevokedLater = revokeLaterMs(grants, isDelivered) !== null;
  if (!isDelivered && !isRevokedLater) return null;
  const since = isRevokedLater
    ? status.conditions.find(({ type }) => type === 'SourceRevoked')?.lastTransitionTime
    : status.finishedAt;
  return since === undefined ? Infinity : Date.parse(since) + LOOKED_AFTER_MS;
}

/** @throws ZodError for a plan that is not as the schema of the API server has it */
export function seenPlan(object: KubeObject): SeenPlan {
  const seen = seenSchema.parse(object);
  const { metadata, status } = seen;
  const { namespace, name, uid, generation, deletionTimestamp, finalizers } = metadata;
  return {
    ref: { namespace, name, uid },
    campaign: metadata.annotations?.[CAMPAIGN_ANNOTATION] ?? null,
    generation,
    observedGeneration: status.observedGeneration ?? null,
    phase: status.phase ?? null,
    deletionRequested: deletionTimestamp !== undefined,
    held: finalizers.includes(FINALIZER),
    lookedAfterUntilMs: lookedAfterUntilMs(seen),
  };
}

/** Undefined for a plan that cannot be read: reconciling it says why. */
export function seenIf(object: KubeObject): SeenPlan | undefined {
  try {
    return seenPlan(object);
  } catch {
    return undefined;
  }
}

/** Whether reconciling the plan could lead to anything. */
export function isWanted(object: KubeObject): boolean {
  const plan = seenIf(object);
  return plan === undefined || needsWork(plan);
}

/**
 * What must differ for a change to wake the watcher: a running migration writes its status many times, and little of it
 * concerns the watcher.
 */
export function markOf(object: KubeObject): string {
  const { uid, generation, deletionTimestamp } = object.metadata;
  const plan = seenIf(object);
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
