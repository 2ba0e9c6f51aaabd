import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import { rowOf, rowsOf } from '../database/rows.js';
import type { WorkloadKey } from '../plans/store.js';
import { ACTIVATION, type WrittenActivation, writtenActivation } from '../audit/activation-rows.js';

/** One time at which a workload began to run under an SCC; `key` makes recording it idempotent. */
export interface Activation {
  key: string;
  scc: string;
  at: string;
  reason: 'observed' | 'migrated' | 'restored';
}

export interface WorkloadActivations {
  workload: WorkloadKey;
  planUid: string;
  actor: string | null;
  activations: Activation[];
}

/**
 * Enters into the registry since when a workload runs under which SCC. Idempotent; an entry that comes late takes its
 * place between its neighbours in time.
 */
export async function recordActivations(
  tx: EntityManager,
  { workload, planUid, actor, activations }: WorkloadActivations,
): Promise<void> {
  const rows = new Map<string, WrittenActivation>();
  for (const activation of activations)
    for (const row of await record(tx, { workload, planUid, actor, activation })) rows.set(row.id, row);
  if (rows.size === 0) return;
  const { namespace, kind, name } = workload;
  await appendAudit(tx, {
    ...{ actor: { name: SYSTEM.name }, action: 'workload.sccRecorded', object: { kind, namespace, name } },
    ...{ requestId: null, details: { uid: planUid, activations: [...rows.values()] } },
  });
}

/** @returns the rows that it wrote, as they are now */

async function record(
  tx: EntityManager,
  { workload, planUid, actor, activation }: Omit<WorkloadActivations, 'activations'> & { activation: Activation },
): Promise<WrittenActivation[]> {
  const at = [workload.namespace, workload.kind, workload.name, activation.at];
  // One registry writer per workload at a time: neighbours are read and changed.
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 40))', [at.slice(0, 3).join('/')]);
  const known = await rowOf(tx, z.object({ id: z.string() }), 'select id from scc_activation where source_key = $1', [
    activation.key,
  ]);
  if (known) return [];
  const before = await rowOf(
    tx,
    z.object({ id: z.string(), scc: z.string() }),
    `select id, scc from scc_activation where namespace = $1 and kind = $2 and name = $3 and activated_at <= $4
     order by activated_at desc, id desc limit 1`,
    at,
  );
  // Seeing again what is known already begins nothing new.
  if (activation.reason === 'observed' && before?.scc === activation.scc) return [];
  const after = await rowOf(
    tx,
    z.object({ activated_at: z.date() }),
    `select activated_at from scc_activation where namespace = $1 and kind = $2 and name = $3 and activated_at > $4
     order by activated_at limit 1`,
    at,
  );
  const ended = before ? await endActivation(tx, before.id, { at: activation.at, by: planUid }) : [];
  const entered = await rowsOf(
    tx,
    writtenActivation,
    `insert into scc_activation (namespace, kind, name, activated_at, scc, scc_version, plan_uid, actor, reason, source_key, deactivated_at)
     values ($1, $2, $3, $4, $5,
       (select version from scc_presence where name = $5 and present_from <= $4 order by present_from desc limit 1),
       $6, $7, $8, $9, $10) returning ${ACTIVATION}`,
    [...at, activation.scc, planUid, actor, activation.reason, activation.key, after?.activated_at ?? null],
  );
  return [...ended, ...entered];
}

/** Another entry begins where this one ends. */
export const endActivation = (
  tx: EntityManager,
  id: string,
  { at, by }: { at: Date | string; by: string },
): Promise<WrittenActivation[]> =>
  rowsOf(
    tx,
    writtenActivation,
    `update scc_activation set deactivated_at = $2, deactivated_by = $3 where id = $1 returning ${ACTIVATION}`,
    [id, at, by],
  );
