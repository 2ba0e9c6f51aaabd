import { type EntityManager, IsNull } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { instantText } from '../database/instant.js';
import { type Database, rowOf } from '../database/rows.js';
import { type MigrationRow, planObject, type WorkloadKey } from '../plans/store.js';
import { WorkloadClaimEntity } from './step.entity.js';

const claimRow = z.object({ at: z.string() });

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
  plan: ClaimHolder,
  workload: WorkloadKey,
  context: CallContext,
): Promise<ClaimHolder | undefined> {
  const { namespace, kind, name } = workload;
  const claim = await rowOf(
    tx,
    claimRow,
    `insert into workload_claim (plan_uid, namespace, kind, name) values ($1, $2, $3, $4) on conflict do nothing
     returning ${instantText('claimed_at')} as at`,
    [plan.planUid, namespace, kind, name],
  );
  if (claim) await record(tx, plan, { action: 'workload.claimed', details: { kind, name, ...claim } }, context);
  return claimHolder(tx, workload);
}

/** Lets other plans have the workload; nothing when the plan holds none. */
export async function releaseWorkload(tx: EntityManager, plan: ClaimHolder, context: CallContext): Promise<void> {
  const held = { planUid: plan.planUid, releasedAt: IsNull() };
  const { affected } = await tx.getRepository(WorkloadClaimEntity).update(held, { releasedAt: () => 'now()' });
  if (affected) await record(tx, plan, { action: 'workload.released', details: {} }, context);
}

async function record(
  tx: EntityManager,
  plan: ClaimHolder,
  { action, details }: { action: string; details: Record<string, string> },
  { actor, requestId }: CallContext,
): Promise<void> {
  const told = { uid: plan.planUid, ...details };
  await appendAudit(tx, { actor, action, object: planObject(plan), requestId, details: told });
}
