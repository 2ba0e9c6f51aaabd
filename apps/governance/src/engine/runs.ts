import type { RunVerdict, WorkflowRun } from '@scc/governance-api';
import { undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { type EntityManager, IsNull } from 'typeorm';
import { z } from 'zod';
import type { IsRunning } from '../approvals/temporal.js';
import { appendAudit } from '../audit/append.js';
import { type CallContext, SYSTEM } from '../call/caller.js';
import { instantText } from '../database/instant.js';
import { type Database, rowsOf } from '../database/rows.js';
import { MigrationEntity } from '../plans/migration.entity.js';
import { lockKnownMigration, type MigrationRow, planObject } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { MigrationEndEntity, MigrationRunEntity } from './activity.entity.js';
import { decideRun, isSameRun, type MigrationOwner, type RunDecision, type RunWay } from './order.js';
import { recordedEnd } from './outcome.js';
import { targetOf } from './target.js';

/** Where controllers ask. */
export class WorkflowRuns {
  constructor(readonly isRunning: IsRunning) {}
}

/** The state of a migration's runs before the transaction that decides about one of them. */
export interface SeenRuns {
  owner: MigrationOwner | null;
  rival: boolean;
}

const idsOf = ({ namespace, name, planUid: uid }: Pick<MigrationRow, 'namespace' | 'name' | 'planUid'>) => ({
  forward: workflowIdOf({ namespace, name, uid }),
  undo: undoWorkflowIdOf({ namespace, name, uid }),
});

async function ownerOf(db: Database, planUid: string): Promise<MigrationOwner | null> {
  const row = await db.getRepository(MigrationRunEntity).findOneBy({ planUid });
  if (!row) return null;
  const { workflowId, runId, way, handedOver } = row;
  return { workflowId, runId, way, handedOver };
}

/**
 * Who has the migration, and whether a run is under way that stands against this one. Temporal is asked only about a run
 * that does not have the migration.
 */
export async function seenRuns(
  db: Database,
  { uid, run, isRunning }: { uid: string; run: WorkflowRun; isRunning: IsRunning },
): Promise<SeenRuns> {
  const migration = await db.getRepository(MigrationEntity).findOneBy({ planUid: uid });
  // The first report makes the plan known.
  if (!migration) return { owner: null, rival: false };
  const ids = idsOf(migration);
  const owner = await ownerOf(db, uid);
  const rivals: Promise<boolean>[] = [];
  const isNext = owner?.handedOver === true && owner.workflowId === run.workflowId;
  if (!(owner && isSameRun(owner, run)) && !isNext) {
    if (run.workflowId === ids.undo) rivals.push(isRunning(ids.forward, null));
    else if (owner?.workflowId === ids.undo) rivals.push(isRunning(ids.undo, null));
    if (owner?.workflowId === run.workflowId) rivals.push(isRunning(owner.workflowId, owner.runId));
  }
  return { owner, rival: (await Promise.all(rivals)).includes(true) };
}

const takenRow = z.object({ at: z.string() });

const isSameOwner = (a: MigrationOwner | null, b: MigrationOwner | null): boolean =>
  a === b || (a !== null && b !== null && isSameRun(a, b) && a.handedOver === b.handedOver);

/**
 * Decides whether a run may act for a migration, within the transaction that has locked it, and gives it the migration.
 * @throws Refusal `unavailable` when another run took the migration since the runs were seen.
 */
export async function claimRun(
  tx: EntityManager,
  migration: MigrationRow,
  { run, way, seen }: { run: WorkflowRun; way: RunWay; seen: SeenRuns },
): Promise<RunDecision> {
  const owner = await ownerOf(tx, migration.planUid);
  if (!isSameOwner(owner, seen.owner))
    throw new Refusal('unavailable', 'the migration changed hands just now; ask again');
  const decision = decideRun(run, way, { ids: idsOf(migration), owner, rival: seen.rival });
  if (decision.allowed && decision.owner) {
    const { workflowId, runId, way: taken, handedOver } = decision.owner;
    const [changed] = await rowsOf(
      tx,
      takenRow,
      `insert into migration_run (plan_uid, workflow_id, run_id, way, handed_over) values ($1, $2, $3, $4, $5)
       on conflict (plan_uid) do update set workflow_id = excluded.workflow_id, run_id = excluded.run_id,
         way = excluded.way, handed_over = excluded.handed_over, taken_at = now()
       where (migration_run.workflow_id, migration_run.run_id, migration_run.way, migration_run.handed_over)
         is distinct from (excluded.workflow_id, excluded.run_id, excluded.way, excluded.handed_over)
       returning ${instantText('taken_at')} as at`,
      [migration.planUid, workflowId, runId, taken, handedOver],
    );
    if (changed)
      await appendAudit(tx, {
        ...{ actor: SYSTEM, requestId: null, action: 'migration.runTaken', object: planObject(migration) },
        details: { uid: migration.planUid, workflowId, runId, way: taken, handedOver, ...changed },
      });
  }
  return decision;
}

/** Whether a run may report about a migration; one that finds the others ended takes it over, to undo it. */
export async function mayReport(
  tx: EntityManager,
  migration: MigrationRow,
  { run, seen }: { run: WorkflowRun; seen: SeenRuns },
): Promise<RunDecision> {
  const ended = await tx
    .getRepository(MigrationEndEntity)
    .findOneBy({ planUid: migration.planUid, untrusted: IsNull() });
  // Events that its own run reports twice are known; another run has nothing to add, and takes nothing over.
  if (ended && seen.owner && !isSameRun(ended, run))
    return { allowed: false, reason: `the migration is over: ${ended.phase}; apply a new plan` };
  const owner = await ownerOf(tx, migration.planUid);
  if (owner && isSameRun(owner, run)) return { allowed: true, owner };
  // One that another run took since the runs were seen is asked about again.
  const holder = seen.owner ?? owner;
  if (holder) {
    const way = holder.handedOver ? holder.way : 'back';
    return claimRun(tx, migration, { run, way, seen });
  }
  // Nothing was begun: the first activity that begins decides who has it.
  const ids = idsOf(migration);
  return decideRun(run, run.workflowId === ids.undo ? 'back' : 'forward', { ids, owner: null, rival: seen.rival });
}

/**
 * Takes a migration over whose run has ended, to undo it.
 * @returns allowed, with what was worked on; not allowed while the migration runs, or is over.
 */
export async function takeOver(
  tx: EntityManager,
  uid: string,
  run: WorkflowRun,
  { seen, ...context }: CallContext & { seen: SeenRuns },
): Promise<RunVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const end = await recordedEnd(tx, uid);
  const decision: RunDecision = end
    ? { allowed: false, reason: `the migration is over: ${end.phase}; apply a new plan` }
    : await claimRun(tx, migration, { run, way: 'back', seen });
  if (seen.owner === null || !isSameRun(seen.owner, run))
    await appendAudit(tx, {
      actor: context.actor,
      action: decision.allowed ? 'migration.takenOver' : 'migration.takeOverRefused',
      object: planObject(migration),
      requestId: context.requestId,
      details: { uid, ...run, ...(decision.allowed ? {} : { reason: decision.reason }) },
    });
  return decision.allowed
    ? { allowed: true, reason: 'no other run has the migration', target: await targetOf(tx, uid) }
    : { ...decision, target: null };
}

/** Lets the next run of a workflow go on with the migration that this run has. */
export async function handOver(
  tx: EntityManager,
  uid: string,
  run: WorkflowRun,
  { actor, requestId }: CallContext,
): Promise<RunVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const owner = await ownerOf(tx, uid);
  if (!owner) return { allowed: true, reason: 'nothing was begun', target: null };
  if (!isSameRun(owner, run))
    return { allowed: false, reason: `run ${owner.runId} of ${owner.workflowId} has the migration`, target: null };
  if (!owner.handedOver) {
    await tx.getRepository(MigrationRunEntity).update({ planUid: uid }, { handedOver: true });
    await appendAudit(tx, {
      ...{ actor, requestId, action: 'migration.handedOver', object: planObject(migration) },
      details: { uid, ...run },
    });
  }
  return { allowed: true, reason: 'the next run goes on', target: null };
}
