import { type EntityManager, IsNull } from 'typeorm';
import type { Database } from '../database/rows.js';
import type { MigrationRow, WorkloadKey } from '../plans/store.js';
import { WorkloadClaimEntity } from './step.entity.js';

export type ClaimHolder = Pick<MigrationRow, 'planUid' | 'namespace' | 'name'>;

/** The plan that migrates the workload now, or undefined. */
export async function claimHolder(
  db: Database,
  { namespace, kind, name }: WorkloadKey,
): Promise<ClaimHolder | undefined> {
  const claim = await db
    .getRepository(WorkloadClaimEntity)
    .createQueryBuilder('c')
    .innerJoinAndSelect('c.migration', 'm')
    .where({ namespace, kind, name, releasedAt: IsNull() })
    .getOne();
  return claim?.migration;
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
  await tx.getRepository(WorkloadClaimEntity).update({ planUid, releasedAt: IsNull() }, { releasedAt: () => 'now()' });
}
