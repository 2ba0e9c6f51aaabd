import {
  CATEGORIES,
  type Category,
  compareRows,
  type ComparedRow,
  comparedRowSchema,
  firstSteps,
  type KeptScan,
  type KeptScanDetail,
  type ScanChanges,
  type ScanRow,
  scanRowSchema,
} from '@scc/scc/scan';
import { In } from 'typeorm';
import { z } from 'zod';
import { isEverywhere, isInScope, likePatterns, type Scope } from '../call/scope.js';
import { type Database, type Queryable, rowsOf } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { Refusal } from '../refusal/refusal.js';
import { ScannedWorkloadEntity, WorkloadScanEntity } from './scan.entity.js';

export const scanIdSchema = z.string().regex(/^[0-9]{1,18}$/);

export const scanObject = ({ id, namespace }: Pick<WorkloadScanEntity, 'id' | 'namespace'>) => ({
  kind: 'WorkloadScan',
  name: id,
  ...(namespace === null ? {} : { namespace }),
});

const isShown = ({ namespace }: WorkloadScanEntity, scope: Scope): boolean =>
  namespace === null || isInScope(scope, namespace);

const countRow = z.object({
  scan: z.string(),
  category: z.enum(CATEGORIES),
  scc: z.string().nullable(),
  workloads: z.int(),
  movable: z.int(),
  captured: z.int(),
  refused: z.int(),
});
type Count = z.infer<typeof countRow>;

/** The workloads of scans in the caller's scope, counted. */
const countsOf = (db: Queryable, ids: readonly string[], scope: Scope): Promise<Count[]> =>
  rowsOf(
    db,
    countRow,
    `select scan, category, current_scc as scc, count(*)::int as workloads,
            (count(*) filter (where category in ('AsIs', 'Patch') and report->'target' <> 'null'
              and report->'obstacles' = '[]'))::int as movable,
            (count(*) filter (where captured))::int as captured, (count(*) filter (where refused))::int as refused
     from scanned_workload where scan = any($1) and ($2::text[] is null or namespace like any ($2)) group by 1, 2, 3`,
    [ids, likePatterns(scope)],
  );

function totalsOf(counts: readonly Count[]): KeptScan['totals'] {
  const sum = (of: (count: Count) => number): number => counts.reduce((total, count) => total + of(count), 0);
  const byCategory = Object.fromEntries(
    CATEGORIES.map((category): [Category, number] => [
      category,
      sum((count) => (count.category === category ? count.workloads : 0)),
    ]),
  ) as Record<Category, number>;
  const bySCC: Record<string, number> = {};
  for (const { scc, workloads } of counts) if (scc !== null) bySCC[scc] = (bySCC[scc] ?? 0) + workloads;
  return {
    workloads: sum(({ workloads }) => workloads),
    byCategory,
    bySCC,
    movable: sum(({ movable }) => movable),
    capturedAtNextRestart: sum(({ captured }) => captured),
    refusedAtNextRestart: sum(({ refused }) => refused),
  };
}

export const keptScanOf = (row: WorkloadScanEntity, counts: readonly Count[]): KeptScan => ({
  ...{ id: row.id, namespace: row.namespace, aim: row.aim, state: row.state, failure: row.failure },
  by: row.requestedBy,
  at: row.requestedAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
  totals: totalsOf(counts.filter(({ scan }) => scan === row.id)),
});

/** The kept scans of which the caller may see something, the newest first; they are few. */
export async function listScans(db: Database, scope: Scope): Promise<KeptScan[]> {
  const rows = (await db.getRepository(WorkloadScanEntity).find({ order: { id: 'DESC' } })).filter((row) =>
    isShown(row, scope),
  );
  const counts = await countsOf(
    db,
    rows.map(({ id }) => id),
    scope,
  );
  return rows.map((row) => keptScanOf(row, counts));
}

async function known(db: Database, id: string, scope: Scope): Promise<WorkloadScanEntity> {
  const row = await db.getRepository(WorkloadScanEntity).findOneBy({ id });
  if (row && isShown(row, scope)) return row;
  throw new Refusal('notFound', `there is no scan ${id}, or it is not kept any more`);
}

/** One scan. @throws Refusal `notFound` */
export async function scanOf(db: Database, id: string, scope: Scope): Promise<KeptScanDetail> {
  const row = await known(db, id, scope);
  const { assumed = [], changedDefaults = [], unreadable = [] } = row.notes ?? {};
  const seesAll = isEverywhere(scope) || row.namespace !== null;
  return {
    ...keptScanOf(row, await countsOf(db, [id], scope)),
    ...{ assumed: seesAll ? assumed : [], changedDefaults, unreadable: seesAll ? unreadable : [] },
  };
}

export interface WorkloadFilter {
  namespace?: string | undefined;
  category?: Category | undefined;
  scc?: string | undefined;
  restart?: 'captured' | 'refused' | undefined;
}

/** The workloads of a scan in the order of its report, after a position. @throws Refusal `notFound` */
export async function scannedWorkloads(
  db: Database,
  id: string,
  { namespace, category, scc, restart }: WorkloadFilter,
  { after, limit, scope }: { after: number; limit: number; scope: Scope },
): Promise<{ ordinal: number; report: ScanRow }[]> {
  await known(db, id, scope);
  const query = db
    .getRepository(ScannedWorkloadEntity)
    .createQueryBuilder('w')
    .where('w.scan = :id and w.ordinal > :after', { id, after });
  matching(query, { namespace, category, currentScc: scc });
  if (restart !== undefined) matching(query, { [restart]: true });
  return inScope(query, 'w.namespace', scope).orderBy('w.ordinal').take(limit).getMany();
}

const { kind, namespace, name, category, current, target, owner, podSecurityNow, obstacles } = scanRowSchema.shape;
const startRow = z.object({
  ordinal: z.int(),
  report: z.object({
    ...{ kind, namespace, name, category, current, target, owner, podSecurityNow, obstacles },
    edits: z.array(z.unknown()),
    risks: z.array(z.boolean()).describe('Whether each is uncertain.'),
  }),
});

/** The workloads of a scan to begin with, and why. @throws Refusal `notFound` */
export async function firstStepsOf(
  db: Database,
  id: string,
  most: number,
  scope: Scope,
): Promise<{ workload: ScanRow; why: string }[]> {
  await known(db, id, scope);
  // The long texts of all the rows stay in the database.
  const rows = await rowsOf(
    db,
    startRow,
    `select ordinal, (report - '{ways,mayUse,patch,evidence,blockers}'::text[]) ||
              jsonb_build_object('risks', jsonb_path_query_array(report, '$.risks[*].uncertain')) as report
     from scanned_workload
     where scan = $1 and category in ('AsIs', 'Patch') and report->'owner' = 'null'
       and ($2::text[] is null or namespace like any ($2)) order by ordinal`,
    [id, likePatterns(scope)],
  );
  const steps = firstSteps(
    rows.map(({ ordinal, report }) => ({
      ...report,
      ordinal,
      risks: report.risks.map((uncertain) => ({ uncertain })),
    })),
    most,
  );
  const reports = await db
    .getRepository(ScannedWorkloadEntity)
    .findBy({ scanId: id, ordinal: In(steps.map(({ row }) => row.ordinal)) });
  return steps.flatMap(({ row, why }) => {
    const workload = reports.find(({ ordinal }) => ordinal === row.ordinal)?.report;
    return workload ? [{ workload, why }] : [];
  });
}

const comparedRow = z.object({ report: comparedRowSchema });
const comparedRows = async (db: Queryable, id: string, scope: Scope): Promise<ComparedRow[]> =>
  (
    await rowsOf(
      db,
      comparedRow,
      `select jsonb_build_object('kind', report->'kind', 'namespace', report->'namespace', 'name', report->'name',
                'current', report->'current', 'nextRestart', report->'nextRestart', 'category', report->'category',
                'target', report->'target') as report
       from scanned_workload where scan = $1 and ($2::text[] is null or namespace like any ($2))`,
      [id, likePatterns(scope)],
    )
  ).map(({ report }) => report);

/**
 * What changed between two scans.
 * @param since the earlier one; the one before with the same namespace when it is not named
 * @throws Refusal `notFound`, or `conflict` when one of them is not done, or both looked at different namespaces
 */
export async function changesOf(
  db: Database,
  id: string,
  since: string | undefined,
  scope: Scope,
): Promise<ScanChanges> {
  const after = await known(db, id, scope);
  const scans = await db.getRepository(WorkloadScanEntity).find({ where: { state: 'done' }, order: { id: 'DESC' } });
  const last = scans.find((one) => BigInt(one.id) < BigInt(id) && one.namespace === after.namespace);
  const before = since === undefined ? last : await known(db, since, scope);
  if (!before) throw new Refusal('notFound', `there is no scan before ${id} to compare it with`);
  if (before.state !== 'done' || after.state !== 'done')
    throw new Refusal('conflict', `the scan ${before.state === 'done' ? id : before.id} is not done`);
  if (before.namespace !== after.namespace)
    throw new Refusal('conflict', `the scans ${before.id} and ${id} looked at different namespaces`);
  const items = compareRows(await comparedRows(db, before.id, scope), await comparedRows(db, id, scope));
  return { before: before.id, after: id, items: items.map((one) => ({ ...one, details: [...one.details] })) };
}
