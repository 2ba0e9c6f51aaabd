import { PLAN_TYPE, type PlanRef, type PlanStatus, planStatusSchema } from '@scc/plan';
import { z } from 'zod';
import { CliError } from '../exit.js';
import type { Session } from '../session.js';

const planSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), generation: z.number().default(1) }),
  spec: z.looseObject({ targetSCC: z.string(), workloadRef: z.looseObject({ kind: z.string(), name: z.string() }) }),
  status: planStatusSchema.default({}),
});

export interface FoundPlan {
  ref: PlanRef;
  workload: string;
  targetSCC: string;
  status: PlanStatus;
}

/** @throws CliError when there is no such plan. */
export async function findPlan(session: Session, namespace: string, name: string): Promise<FoundPlan> {
  const kube = await session.kube();
  const object = await kube.get({ ...PLAN_TYPE, namespace, name });
  if (!object)
    throw new CliError(
      `there is no plan ${name} in the namespace ${namespace}`,
      'Name its namespace with -n, or list plans with kubectl get sccmp -A.',
    );
  const parsed = planSchema.safeParse(object);
  if (!parsed.success) throw new CliError(`plan ${namespace}/${name}: ${z.prettifyError(parsed.error)}`);
  const { metadata, spec, status } = parsed.data;
  return {
    ref: { namespace, name, uid: metadata.uid },
    workload: `${spec.workloadRef.kind} ${spec.workloadRef.name}`,
    targetSCC: spec.targetSCC,
    status,
  };
}
