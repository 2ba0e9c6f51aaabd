import { isDeepStrictEqual } from 'node:util';
import { hashOf } from '@scc/audit';
import { PLAN_KIND } from '@scc/plan';
import { messageOf } from '@scc/runtime';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { isDatabaseAway } from '../database/outage.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { lockKnownMigration, type MigrationRow } from '../plans/store.js';
import { evidenceIn, isReported, provedEvents } from './evidence.js';
import { type EventRow, eventsOf } from './read.js';
import { rebuildView } from './report.js';
import { PROJECTION, saveView } from './view.js';

/** Something that is read of a migration and does not follow from the audit log. */
export interface HistoryDifference {
  uid: string;
  namespace: string;
  name: string;
  /** `migration_event`, or a table of the read model. */
  table: string;
  message: string;
  /** With the table, the name under which it is answered for. */
  key: string;
  fault: 'row-without-entry' | 'entry-without-row' | 'row-differs';
  /** SHA-256 of what is there and what should be: an answer is for exactly this. */
  stands: string;
}

const VIEWS = ['view_migration', 'view_gate', 'view_weight', 'view_pod'] as const;
const MAX_EVENTS = 10_000;

/** Undoes what was only made to be compared. */
class Compared extends Error {
  constructor(readonly differences: HistoryDifference[]) {
    super('compared');
  }
}

/**
 * Compares the events of every migration with their audit entries, and the read model with what these events make of it.
 * Nothing is changed.
 */
export async function readModelDifferences(
  source: DataSource,
): Promise<{ migrations: number; differences: HistoryDifference[] }> {
  const plans = await reportedPlans(source);
  const differences: HistoryDifference[] = [];
  for (const uid of plans) differences.push(...(await differencesOf(source, uid)));
  return { migrations: plans.length, differences };
}

/** The plans that something was reported or is read of, by their uids; one page after the given one. */
export async function reportedPlans(db: Queryable, after = '', limit: number | null = null): Promise<string[]> {
  const rows = await rowsOf(
    db,
    z.object({ plan_uid: z.string() }),
    `select plan_uid from (select plan_uid from migration_event union select plan_uid from view_migration) p
     where plan_uid > $1 order by plan_uid limit $2`,
    [after, limit],
  );
  return rows.map(({ plan_uid }) => plan_uid);
}

/** The same of one migration. A view that another version of this service made is made again instead of compared. */
export async function differencesOf(source: DataSource, uid: string): Promise<HistoryDifference[]> {
  try {
    return await source.transaction(async (tx) => {
      const migration = await lockKnownMigration(tx, uid);
      const events = await eventDifferences(tx, migration);
      const there = await viewsOf(tx, uid);
      const { view, evaluation } = await rebuildFrom(events, () => rebuildView(tx, migration));
      if (isOfOtherVersion(there)) return events;
      const made = [await viewsOf(tx, uid)];
      if (evaluation && (await isFromBefore(tx, uid))) {
        await saveView(tx, migration, { view, workload: null });
        made.push(await viewsOf(tx, uid));
      }
      throw new Compared([...events, ...viewDifferences(migration, there, made)]);
    });
  } catch (error) {
    if (error instanceof Compared) return error.differences;
    if (isDatabaseAway(error)) throw error;
    return [uncomparable(uid, error)];
  }
}

/** Rows of one plan that no version of the service writes, or that are gone, say nothing of the others. */
function uncomparable(uid: string, error: unknown): HistoryDifference {
  const message = `of this migration cannot be compared: ${messageOf(error).split('\n').join(' ')}`;
  const at = { uid, namespace: '?', name: uid, table: 'migration_event', key: uid, fault: 'row-differs' } as const;
  return { ...at, stands: hashOf(message), message };
}

/** Events that cannot be folded are named themselves. */
async function rebuildFrom<T>(events: HistoryDifference[], rebuild: () => Promise<T>): Promise<T> {
  try {
    return await rebuild();
  } catch (error) {
    if (events.length === 0 || isDatabaseAway(error)) throw error;
    throw new Compared(events);
  }
}

const orderRow = z.object({ before: z.boolean().nullable() });

/**
 * Whether every evaluation of a plan stands in the log after all of its events: the view was then made before the plan
 * was evaluated, and names the workload from the next event on.
 */
async function isFromBefore(tx: EntityManager, uid: string): Promise<boolean> {
  const row = await rowOf(
    tx,
    orderRow,
    `select min(a.id) > (select max(b.id) from migration_event e
       join audit_entry b on b.entry_id = e.entry_id where e.plan_uid = $1) as before
     from evaluation v join audit_entry a on a.entry_id = v.entry_id where v.plan_uid = $1`,
    [uid],
  );
  return row?.before ?? false;
}

type Views = Record<string, unknown[]>;

/** @param made what the events make of it; where the view may be from before the evaluation, also without that */
const viewDifferences = (
  { planUid: uid, namespace, name }: MigrationRow,
  there: Views,
  made: readonly Views[],
): HistoryDifference[] =>
  VIEWS.filter((table) => !made.some((one) => isDeepStrictEqual(there[table], one[table]))).map((table) => ({
    ...{ uid, namespace, name, table, key: uid, fault: 'row-differs' },
    stands: hashOf(z.json().parse([there[table], made[0]?.[table]])),
    message: 'does not say what the events make of it; build the read model again',
  }));

/** Another version may fold the same events otherwise. */
const isOfOtherVersion = ({ view_migration: views = [] }: Views): boolean =>
  views.some((view) => !z.object({ projection: z.literal(PROJECTION) }).safeParse(view).success);

const viewRow = z.object({ rows: z.array(z.unknown()) });

async function viewsOf(tx: EntityManager, uid: string): Promise<Views> {
  const views: Views = {};
  for (const view of VIEWS) {
    const row = await rowOf(
      tx,
      viewRow,
      `select coalesce(jsonb_agg(to_jsonb(v) order by to_jsonb(v)), '[]') as rows from ${view} v where plan_uid = $1`,
      [uid],
    );
    views[view] = row?.rows ?? [];
  }
  return views;
}

const entryRow = z.object({ entryId: z.string(), body: z.string() });

async function eventDifferences(
  tx: EntityManager,
  { planUid: uid, namespace, name }: MigrationRow,
): Promise<HistoryDifference[]> {
  const rows = await eventsOf(tx, uid, { limit: MAX_EVENTS, after: null });
  const entries = await rowsOf(
    tx,
    entryRow,
    `select entry_id as "entryId", encode(body, 'base64') as body from audit_entry
     where object_kind = $1 and object_namespace = $2 and object_name = $3 order by id`,
    [PLAN_KIND, namespace, name],
  );
  const evidence = evidenceIn(entries);
  const proved = new Map(provedEvents(rows, evidence).map((event) => [event.entryId, event]));
  const table = 'migration_event';
  const about = { uid, namespace, name, table };
  const met = new Set(rows.map(({ entryId }) => entryId));
  return [
    ...rows.flatMap((row): HistoryDifference[] => {
      const said = proved.get(row.entryId);
      if (said && hashOf(content(said)) === hashOf(content(row))) return [];
      const why = said ? 'is not what its audit entry says' : 'has no audit entry that says it';
      return [
        {
          ...{
            ...about,
            key: `${uid} ${row.runId} ${row.sequence}`,
            fault: said ? 'row-differs' : 'row-without-entry',
          },
          stands: hashOf({ row: content(row), entry: row.entryId }),
          message: `the event ${row.sequence} of ${row.runId} ${why}`,
        },
      ];
    }),
    ...[...evidence].flatMap(([entryId, { details }]): HistoryDifference[] =>
      isReported(details, uid) && !met.has(entryId)
        ? [
            {
              ...{ ...about, key: `${uid} ${entryId}`, fault: 'entry-without-row', stands: hashOf(entryId) },
              message: `the event of the audit entry ${entryId} is not there`,
            },
          ]
        : [],
    ),
  ];
}

const content = ({ entryId: _entry, at, ...event }: EventRow): object => ({
  ...event,
  at: new Date(at).toISOString(),
});
