import type { KubeObject } from '@scc/kube';
import { PLAN_TYPE, type PlanRef, type PlanStatus, planStatusSchema } from '@scc/plan';
import { z } from 'zod';
import { CliError } from '../exit.js';
import type { Session } from '../session.js';

const planSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().default('default'),
    uid: z.string(),
    generation: z.number().default(1),
    creationTimestamp: z.string().optional(),
  }),
  spec: z.looseObject({
    targetSCC: z.string(),
    workloadRef: z.looseObject({ kind: z.string(), name: z.string() }),
    dryRun: z.boolean().default(false),
  }),
  status: planStatusSchema.default({}),
});

export interface FoundPlan {
  ref: PlanRef;
  workload: string;
  targetSCC: string;
  isDryRun: boolean;
  status: PlanStatus;
  /** When the plan was made; undefined where the API server does not say. */
  createdAt: string | undefined;
}

/** @throws CliError when there is no such plan. */
export async function findPlan(session: Session, namespace: string, name: string): Promise<FoundPlan> {
  const kube = await session.kube();
  const object = await kube.get({ ...PLAN_TYPE, namespace, name });
  if (!object)
    throw new CliError(
      `there is no plan ${name} in the namespace ${namespace}`,
      'Name its namespace with -n, or list plans with: sccctl list -A',
    );
  return planFrom(object);
}

/** @throws CliError when the plan is not one that this version knows. */
export function planFrom(object: KubeObject): FoundPlan {
  const parsed = planSchema.safeParse(object);
  if (!parsed.success) {
    const { namespace = '', name = '' } = object.metadata;
    throw new CliError(
      `plan ${namespace}/${name}: ${z.prettifyError(parsed.error)}`,
      'Use the sccctl of the same version as the cluster.',
    );
  }
  const { metadata, spec, status } = parsed.data;
  const { namespace, name, uid, creationTimestamp } = metadata;
  return {
    ref: { namespace, name, uid },
    workload: `${spec.workloadRef.kind} ${spec.workloadRef.name}`,
    targetSCC: spec.targetSCC,
    isDryRun: spec.dryRun,
    status,
    createdAt: creationTimestamp,
  };
}
