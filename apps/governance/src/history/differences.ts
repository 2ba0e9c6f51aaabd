import { isDeepStrictEqual } from 'node:util';
import { hashOf } from '@scc/audit';
import { PLAN_KIND } from '@scc/plan';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { rowOf, rowsOf } from '../database/rows.js';
import { lockKnownMigration, type MigrationRow } from '../plans/store.js';
import { evidenceIn, isReported, provedEvents } from './evidence.js';
import { type EventRow, eventsOf } from './read.js';
import { rebuildView } from './report.js';

/** Something that is read of a migration and does not follow from the audit log. */
export interface HistoryDifference {
  uid: string;
  namespace: string;
  name: string;
  /** `migration_event`, or a table of the read model. */
  table: string;
  message: string;
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
  const plans = await rowsOf(
    source,
    z.object({ plan_uid: z.string() }),
    'select plan_uid from migration_event union select plan_uid from view_migration order by plan_uid',
  );
  const differences: HistoryDifference[] = [];
  for (const { plan_uid: uid } of plans) differences.push(...(await compared(source, uid)));
  return { migrations: plans.length, differences };
}

async function compared(source: DataSource, uid: string): Promise<HistoryDifference[]> {
  try {
    return await source.transaction(async (tx) => {
      const migration = await lockKnownMigration(tx, uid);
      const there = await viewsOf(tx, uid);
      await rebuildView(tx, migration);
      const made = await viewsOf(tx, uid);
      const differing = VIEWS.filter((view) => !isDeepStrictEqual(there[view], made[view]));
      const { namespace, name } = migration;
      throw new Compared([
        ...(await eventDifferences(tx, migration)),
        ...differing.map((table) => ({
          ...{ uid, namespace, name, table },
          message: 'does not say what the events make of it; build the read model again',
        })),
      ]);
    });
  } catch (error) {
    if (error instanceof Compared) return error.differences;
    throw error;
  }
}

const viewRow = z.object({ rows: z.array(z.unknown()) });

async function viewsOf(tx: EntityManager, uid: string): Promise<Record<string, unknown[]>> {
  const views: Record<string, unknown[]> = {};
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
    ...rows.flatMap((row) => {
      const said = proved.get(row.entryId);
      if (said && hashOf(content(said)) === hashOf(content(row))) return [];
      const why = said ? 'is not what its audit entry says' : 'has no audit entry that says it';
      return [{ ...about, message: `the event ${row.sequence} of ${row.runId} ${why}` }];
    }),
    ...[...evidence].flatMap(([entryId, { details }]) =>
      isReported(details, uid) && !met.has(entryId)
        ? [{ ...about, message: `the event of the audit entry ${entryId} is not there` }]
        : [],
    ),
  ];
}

const content = ({ entryId: _entry, at, ...event }: EventRow): object => ({
  ...event,
  at: new Date(at).toISOString(),
});
