import type { EmergencyStop, StopAnswer, StopRequest } from '@scc/governance-api';
import { phaseSchema, TERMINAL_PHASES } from '@scc/plan';
import { type EntityManager, IsNull } from 'typeorm';
import { z } from 'zod';
import { wakeWorkflow } from '../approvals/outbox.js';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { isInScope, type Scope } from '../call/scope.js';
import { type Database, newRow, type Queryable, rowsOf } from '../database/rows.js';
import { planObject } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { EmergencyStopEntity } from './stop.entity.js';

export const stopIdSchema = z.string().regex(/^[0-9]{1,18}$/);

/** Stops that are over and still listed. */
const MAX_LISTED = 500;

const toStop = ({ id, namespace, takeBack, reason, ...row }: EmergencyStopEntity): EmergencyStop => ({
  ...{ id, namespace, takeBack, reason },
  by: row.stoppedBy,
  at: row.stoppedAt.toISOString(),
  liftedBy: row.liftedBy,
  liftedAt: row.liftedAt?.toISOString() ?? null,
  liftReason: row.liftReason,
});

const stopObject = ({ id, namespace }: EmergencyStopEntity) => ({
  kind: 'EmergencyStop',
  name: id,
  ...(namespace === null ? {} : { namespace }),
});

const runningRow = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  phase: phaseSchema,
  begun: z.boolean(),
});
type Running = z.infer<typeof runningRow>;

/** Every migration without an end, and whether it was ever allowed to begin. */
const runningMigrations = (db: Queryable, namespace: string | null): Promise<Running[]> =>
  rowsOf(
    db,
    runningRow,
    `select m.plan_uid as uid, m.namespace, m.name, coalesce(v.phase, 'Pending') as phase,
            exists (select from step_authorization s where s.plan_uid = m.plan_uid and s.step = 'Prepare' and s.allowed) as begun
     from migration m left join view_migration v on v.plan_uid = m.plan_uid
     where ($1::text is null or m.namespace = $1)
       and not exists (select from migration_event e where e.plan_uid = m.plan_uid and e.phase = any($2))
     order by m.namespace, m.name, m.plan_uid`,
    [namespace, TERMINAL_PHASES],
  );

/** The effect of the stop on a migration. */
function effectOn({ phase, begun }: Running, takeBack: boolean): StopAnswer['migrations'][number]['did'] {
  if (phase === 'RollingBack') return 'undoing';
  if (!begun) return 'notBegun';
  return takeBack ? 'takenBack' : 'held';
}

type SetStop = Omit<StopAnswer, 'unreached'>;

/**
 * Stops every migration of a namespace, or of all, from now on and until it is lifted: governance allows no further
 * step. Migrations that have begun stay where they are, or are undone. The messages to the workflows only make it
 * sooner.
 */
export async function setStop(
  tx: EntityManager,
  { namespace, takeBack, reason }: StopRequest,
  { actor, requestId, now }: CallContext,
): Promise<SetStop> {
  const stop = Object.assign(new EmergencyStopEntity(), {
    ...{ namespace, takeBack, reason, stoppedBy: actor.name, stoppedAt: now },
    ...{ liftedBy: null, liftedAt: null, liftReason: null },
  });
  await tx.getRepository(EmergencyStopEntity).insert(newRow<EmergencyStopEntity>(stop));
  const running = await runningMigrations(tx, namespace);
  const migrations = running.map(({ begun, ...one }) => ({ ...one, did: effectOn({ ...one, begun }, takeBack) }));
  for (const { did, phase, ...plan } of migrations) {
    if (did === 'takenBack')
      await wakeWorkflow(
        tx,
        { ...plan, planUid: plan.uid },
        { actor: actor.name, outcome: `emergency stop ${stop.id}: ${reason}` },
        'rollback',
      );
    await appendAudit(tx, {
      actor,
      action: 'migration.stopped',
      object: planObject(plan),
      requestId,
      details: { uid: plan.uid, stop: stop.id, phase, did, reason },
    });
  }
  await appendAudit(tx, {
    actor,
    action: 'stop.set',
    object: stopObject(stop),
    requestId,
    details: { takeBack, reason, migrations: migrations.length, at: now.toISOString() },
  });
  return { ...toStop(stop), migrations };
}

/**
 * Lets migrations go on; what was taken back stays so.
 * @throws Refusal `notFound`, or `conflict` when it was lifted before
 */
export async function liftStop(
  tx: EntityManager,
  id: string,
  reason: string,
  { actor, requestId, now }: CallContext,
): Promise<EmergencyStop> {
  const stops = tx.getRepository(EmergencyStopEntity);
  const { affected } = await stops.update(
    { id, liftedAt: IsNull() },
    { liftedBy: actor.name, liftedAt: now, liftReason: reason },
  );
  const stop = await stops.findOneBy({ id });
  if (!stop) throw new Refusal('notFound', `there is no emergency stop ${id}`);
  if (!affected)
    throw new Refusal('conflict', `${stop.liftedBy ?? 'another user'} has lifted the emergency stop already`);
  for (const { uid, ...plan } of await runningMigrations(tx, stop.namespace))
    await wakeWorkflow(tx, { ...plan, planUid: uid }, { actor: actor.name, outcome: `emergency stop ${id} lifted` });
  await appendAudit(tx, {
    actor,
    action: 'stop.lifted',
    object: stopObject(stop),
    requestId,
    details: { reason, at: now.toISOString() },
  });
  return toStop(stop);
}

/** The stops that concern the namespaces of a scope, the newest first; only those in force, unless asked for all. */
export async function listStops(db: Database, all: boolean, scope: Scope): Promise<EmergencyStop[]> {
  const rows = await db.getRepository(EmergencyStopEntity).find({
    where: all ? {} : { liftedAt: IsNull() },
    order: { id: 'DESC' },
    take: MAX_LISTED,
  });
  return rows.filter(({ namespace }) => namespace === null || isInScope(scope, namespace)).map(toStop);
}
