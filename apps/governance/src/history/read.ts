import { PHASES, riskBandSchema } from '@scc/plan';
import { MoreThan } from 'typeorm';
import { z } from 'zod';
import type { Scope } from '../call/scope.js';
import { Refusal } from '../refusal/refusal.js';
import type { Database } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { MigrationEventEntity } from './event.entity.js';
import { StepAuthorizationEntity } from '../engine/step.entity.js';
import { GateViewEntity, MigrationViewEntity, PodViewEntity, WeightViewEntity } from './view.entity.js';

export const migrationFilterSchema = z.object({
  phase: z.enum(PHASES).optional(),
  namespace: z.string().max(63).optional(),
  workload: z.string().max(253).optional(),
  sourceSCC: z.string().max(253).optional(),
  targetSCC: z.string().max(253).optional(),
  author: z.string().max(253).optional(),
  riskBand: riskBandSchema.optional(),
  outcome: z.enum(['completed', 'rolledBack', 'rejected', 'dryRun', 'untrusted']).optional(),
  state: z.enum(['running', 'over', 'undone']).optional().describe('Those that go on, have ended, or began an undo.'),
});
export type MigrationFilter = z.infer<typeof migrationFilterSchema>;

/** Where a page ended: newest first, by the time of the first event and the uid. */
export const migrationPositionSchema = z.object({ startedAt: z.iso.datetime(), uid: z.string() });
export type MigrationPosition = z.infer<typeof migrationPositionSchema>;

const toSummary = (row: MigrationViewEntity) => ({
  uid: row.planUid,
  namespace: row.namespace,
  name: row.name,
  phase: row.phase,
  message: row.message,
  sourceSCC: row.sourceScc,
  targetSCC: row.targetScc,
  author: row.author,
  workload: row.workloadKind && row.workloadName ? { kind: row.workloadKind, name: row.workloadName } : null,
  risk: row.riskBand && { band: row.riskBand, changeRisk: row.changeRisk, exposure: row.exposure },
  strategy: row.strategy,
  weight: row.weight,
  waitingFor: row.waitingFor,
  outcome: row.outcome,
  undoCause: row.undoCause,
  traffic: row.traffic,
  workflowId: row.workflowId,
  runId: row.runId,
  startedAt: row.startedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
  updatedAt: row.updatedAt.toISOString(),
  events: row.events,
});
export type ReportedMigration = ReturnType<typeof toSummary>;

const IN_STATE: Record<NonNullable<MigrationFilter['state']>, string> = {
  running: 'v.finishedAt is null',
  over: 'v.finishedAt is not null',
  undone: 'v.undoCause is not null',
};

/** One page of migrations, newest first. */
export async function listMigrations(
  db: Database,
  { phase, namespace, workload, sourceSCC, targetSCC, author, riskBand, outcome, state }: MigrationFilter,
  { limit, after, scope }: { limit: number; after: MigrationPosition | null; scope: Scope },
): Promise<ReportedMigration[]> {
  const query = db.getRepository(MigrationViewEntity).createQueryBuilder('v');
  query.orderBy({ 'v.startedAt': 'DESC', 'v.planUid': 'DESC' }).limit(limit);
  const renamed = { workloadName: workload, sourceScc: sourceSCC, targetScc: targetSCC };
  matching(query, { phase, namespace, author, riskBand, outcome, ...renamed });
  if (state) query.andWhere(IN_STATE[state]);
  if (after) query.andWhere('(v.startedAt, v.planUid) < (:lastStart, :lastUid)', lastOf(after));
  return (await inScope(query, 'v.namespace', scope).getMany()).map(toSummary);
}

const lastOf = ({ startedAt: lastStart, uid: lastUid }: MigrationPosition) => ({ lastStart, lastUid });

const toGate = ({ gate, verdict, value, detail, weight, at, sides }: GateViewEntity) => ({
  ...{ gate, verdict, value, detail, weight, sides },
  at: at.toISOString(),
});
const toWeight = ({ canary, stable, verifiedBy, at }: WeightViewEntity) => ({
  ...{ canary, stable, verifiedBy },
  at: at.toISOString(),
});
const toPod = ({ podUid: uid, name, node, role, scc }: PodViewEntity) => ({ uid, name, node, role, scc });

export interface ReportedMigrationDetail extends ReportedMigration {
  gates: ReturnType<typeof toGate>[];
  weights: ReturnType<typeof toWeight>[];
  pods: ReturnType<typeof toPod>[];
}

/** Everything that the read model holds of one migration. @throws Refusal `notFound` */
export async function migrationDetail(db: Database, uid: string): Promise<ReportedMigrationDetail> {
  const view = await db.getRepository(MigrationViewEntity).findOneBy({ planUid: uid });
  if (!view) throw new Refusal('notFound', `no migration ${uid}`);
  const inOrder = { where: { planUid: uid }, order: { position: 'ASC' } } as const;
  const pods = db.getRepository(PodViewEntity).createQueryBuilder('p').where({ planUid: uid });
  pods.orderBy(`array_position(array['before', 'canary', 'after'], p.role)`).addOrderBy('p.name');
  return {
    ...toSummary(view),
    gates: (await db.getRepository(GateViewEntity).find(inOrder)).map(toGate),
    weights: (await db.getRepository(WeightViewEntity).find(inOrder)).map(toWeight),
    pods: (await pods.getMany()).map(toPod),
  };
}

const toStep = ({ id, step, detail, allowed, reason, entryId, decidedAt }: StepAuthorizationEntity) => ({
  ...{ id, step, detail, allowed, reason, entryId },
  decidedAt: decidedAt.toISOString(),
});
export type StepRecord = ReturnType<typeof toStep>;

/** The steps that the engine asked about, in that order; one page after the given id. */
export async function stepsOf(
  db: Database,
  uid: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<StepRecord[]> {
  const steps = await db.getRepository(StepAuthorizationEntity).find({
    where: { planUid: uid, ...(after !== null && { id: MoreThan(after) }) },
    order: { id: 'ASC' },
    take: limit,
  });
  return steps.map(toStep);
}

export const eventPositionSchema = z.object({ at: z.iso.datetime(), runId: z.string(), sequence: z.int() });
export type EventPosition = z.infer<typeof eventPositionSchema>;

const toEvent = ({ workflowId, runId, sequence, phase, at, event, entryId }: MigrationEventEntity) => ({
  ...{ workflowId, runId, sequence, phase, event, entryId },
  at: at.toISOString(),
});
export type EventRow = ReturnType<typeof toEvent>;

/** The events that the engine reported, by their time; one page. */
export async function eventsOf(
  db: Database,
  uid: string,
  { limit, after }: { limit: number; after: EventPosition | null },
): Promise<EventRow[]> {
  const query = db.getRepository(MigrationEventEntity).createQueryBuilder('e').where({ planUid: uid });
  query.orderBy({ 'e.at': 'ASC', 'e.runId': 'ASC', 'e.sequence': 'ASC' }).limit(limit);
  if (after) query.andWhere('(e.at, e.runId, e.sequence) > (:at, :runId, :sequence)', after);
  return (await query.getMany()).map(toEvent);
}
