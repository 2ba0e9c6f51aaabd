import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowOf } from '../database/rows.js';

export interface WorkloadKey {
  namespace: string;
  kind: string;
  name: string;
}

const holderRow = z.object({ plan_uid: z.string(), namespace: z.string(), name: z.string() });
export type ClaimHolder = z.infer<typeof holderRow>;

/** The plan that migrates the workload now, or undefined. */
export function claimHolder(db: Queryable, { namespace, kind, name }: WorkloadKey): Promise<ClaimHolder | undefined> {
  return rowOf(
    db,
    holderRow,
    `select m.plan_uid, m.namespace, m.name from workload_claim c join migration m using (plan_uid)
     where c.namespace = $1 and c.kind = $2 and c.name = $3 and c.released_at is null`,
    [namespace, kind, name],
  );
}

/**
 * Makes the plan the one that migrates the workload. The unique index decides between plans that try at once.
 * @returns the plan that holds the workload: the given one, or the one to wait for.
 */
export async function claimWorkload(
  tx: EntityManager,
  planUid: string,
  workload: WorkloadKey,
): Promise<ClaimHolder | undefined> {
  const { namespace, kind, name } = workload;
  await tx.query(
    `insert into workload_claim (plan_uid, namespace, kind, name) values ($1, $2, $3, $4) on conflict do nothing`,
    [planUid, namespace, kind, name],
  );
  return claimHolder(tx, workload);
}

export async function releaseWorkload(tx: EntityManager, planUid: string): Promise<void> {
  await tx.query('update workload_claim set released_at = now() where plan_uid = $1 and released_at is null', [
    planUid,
  ]);
}
