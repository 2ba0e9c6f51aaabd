import { hashOf } from '@scc/audit';
import type { EventBatch, EventBatchResult } from '@scc/governance-api';
import { type MigrationEvent, migrationEventSchema, phaseSchema } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { closeRequests } from '../approvals/endings.js';
import { appendAuditBatch } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { releaseWorkload } from '../engine/claims.js';
import { recordEnds, untrustedEvents } from '../engine/ends.js';
import { untrustedEnd } from '../engine/outcome.js';
import { mayReport, type SeenRuns } from '../engine/runs.js';
import {
  currentEvaluation,
  lockMigration,
  type MigrationRow,
  planObject,
  type StoredEvaluation,
} from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { recordActivations } from '../registry/activations.js';
import { type MigrationView, project, type StoredEvent } from './project.js';
import { saveView } from './view.js';

/** Longer events are evidenced by their hash; the event itself is stored beside the log. */
const MAX_AUDITED_BYTES = 16 * 1024;

/**
 * Takes over events of a migration: stores the new ones with one audit entry each, and brings the read model, the
 * registry and the claim of the workload in line. Events may come twice and in any order. An end counts when receipts
 * cover it.
 */
export async function report(
  tx: EntityManager,
  uid: string,
  batch: EventBatch,
  { seen, ...context }: CallContext & { seen: SeenRuns },
): Promise<EventBatchResult> {
  if (batch.plan.uid !== uid) throw new Refusal('conflict', `events of plan ${batch.plan.uid} were sent to ${uid}`);
  const migration = await lockMigration(tx, batch.plan);
  const { workflowId, runId } = batch;
  const told = await mayReport(tx, migration, { run: { workflowId, runId }, seen });
  if (!told.allowed)
    return {
      accepted: 0,
      duplicates: 0,
      untrusted: null,
      stranger: `nothing is taken from run ${runId}: ${told.reason}`,
      receipts: [],
    };
  const fresh = (await unknownEvents(tx, batch)).map(storable);
  const receipts = await appendAuditBatch(
    tx,
    fresh.map(({ event, ...recorded }) => ({
      actor: context.actor,
      action: `migration.event.${event.type}`,
      object: planObject(batch.plan),
      requestId: context.requestId,
      details: {
        uid,
        workflowId: batch.workflowId,
        runId: batch.runId,
        ...recorded,
        event: audited(event),
      },
    })),
  );
  if (fresh.length > 0) {
    await storeEvents(
      tx,
      { ...batch, events: fresh },
      receipts.map(({ entryId }) => entryId),
    );
    await recordEnds(tx, migration, { batch, fresh, receipts }, context);
    await refresh(tx, migration, context);
  }
  const untrusted = await untrustedEnd(tx, uid);
  return {
    accepted: fresh.length,
    duplicates: batch.events.length - fresh.length,
    untrusted,
    stranger: null,
    receipts,
  };
}

/** PostgreSQL's text holds no NUL; a message that has one must not keep a migration from reporting. */
function storable<Value>(value: Value): Value {
  const clean = (item: unknown): unknown => {
    if (typeof item === 'string') return item.replaceAll('\0', '\uFFFD');
    if (Array.isArray(item)) return item.map(clean);
    if (item === null || typeof item !== 'object') return item;
    return Object.fromEntries(Object.entries(item).map(([key, member]) => [key, clean(member)]));
  };
  return clean(value) as Value;
}

const plainJson = z.json();

function audited(event: MigrationEvent): z.infer<typeof plainJson> {
  const text = JSON.stringify(event);
  return text.length <= MAX_AUDITED_BYTES
    ? plainJson.parse(JSON.parse(text))
    : { type: event.type, sha256: hashOf(event) };
}

/** The events of the batch that are not stored yet, once each. */
async function unknownEvents(tx: EntityManager, batch: EventBatch): Promise<EventBatch['events']> {
  const known = await rowsOf(
    tx,
    z.object({ sequence: z.int() }),
    'select sequence from migration_event where workflow_id = $1 and run_id = $2 and sequence = any($3)',
    [batch.workflowId, batch.runId, batch.events.map(({ sequence }) => sequence)],
  );
  const seen = new Set(known.map(({ sequence }) => sequence));
  return batch.events.filter(({ sequence }) => !seen.has(sequence) && seen.add(sequence));
}

async function storeEvents(tx: EntityManager, batch: EventBatch, entryIds: string[]): Promise<void> {
  const { plan, workflowId, runId, events } = batch;
  await tx.query(
    `insert into migration_event (plan_uid, workflow_id, run_id, sequence, phase, type, at, event, entry_id)
     select $1, $2, $3, * from unnest($4::int[], $5::text[], $6::text[], $7::timestamptz[], $8::json[], $9::text[])`,
    [
      plan.uid,
      workflowId,
      runId,
      events.map(({ sequence }) => sequence),
      events.map(({ phase }) => phase),
      events.map(({ event }) => event.type),
      events.map(({ at }) => at),
      events.map(({ event }) => JSON.stringify(event)),
      entryIds,
    ],
  );
}

const eventRow = z.object({
  workflow_id: z.string(),
  run_id: z.string(),
  sequence: z.int(),
  phase: phaseSchema,
  at: z.date(),
  event: migrationEventSchema,
});

/** All stored events of a plan, in no particular order. */
async function storedEvents(db: Queryable, uid: string): Promise<StoredEvent[]> {
  const rows = await rowsOf(
    db,
    eventRow,
    'select workflow_id, run_id, sequence, phase, at, event from migration_event where plan_uid = $1',
    [uid],
  );
  return rows.map(({ workflow_id, run_id, at, ...row }) => ({
    ...row,
    version: 1,
    workflowId: workflow_id,
    runId: run_id,
    at: at.toISOString(),
  }));
}

async function refresh(tx: EntityManager, migration: MigrationRow, context: CallContext): Promise<void> {
  const { view, evaluation } = await rebuildView(tx, migration);
  if (view.outcome !== null && view.outcome !== 'untrusted') {
    await releaseWorkload(tx, migration, context);
    await closeRequests(tx, migration, { reason: `the migration is over: ${view.outcome}`, now: context.now });
  }
  if (!evaluation || evaluation.request.spec.dryRun) return;
  const { workload } = evaluation.request.facts;
  await recordActivations(tx, {
    workload: { namespace: migration.namespace, kind: workload.kind, name: workload.name },
    planUid: migration.planUid,
    actor: migration.author,
    activations: view.activations,
  });
}

/** Folds the stored events of one plan again. Beside them, the workload comes from the plan's current evaluation. */
export async function rebuildView(
  tx: EntityManager,
  migration: MigrationRow,
): Promise<{ view: MigrationView; evaluation: StoredEvaluation | null }> {
  const { planUid } = migration;
  const isUntrusted = await untrustedEvents(tx, planUid);
  const view = project((await storedEvents(tx, planUid)).filter((event) => !isUntrusted(event)));
  const reason = view.outcome === null ? await untrustedEnd(tx, planUid) : null;
  if (reason !== null)
    Object.assign(view, { outcome: 'untrusted', message: `the end that was reported does not count: ${reason}` });
  const evaluation = await currentEvaluation(tx, migration);
  await saveView(tx, migration, { view, workload: evaluation?.request.spec.workloadRef ?? null });
  return { view, evaluation };
}
