import { DeadlineThreads, messageOf } from '@scc/runtime';
import type { Registries } from '@scc/runtime/images';
import { isCaptured, isRefused, type ScanReport, type ScanRequest } from '@scc/scc/scan';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import { newRow } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { WorkloadScanEntity } from './scan.entity.js';
import { scanObject } from './store.js';
import type { ScanFunctions } from './threaded.js';

/** A scan has so long, in milliseconds, and so much memory, in MiB: the service goes on answering beside it. */
export const SCAN_MS = 5 * 60_000;
const SCAN_MIB = 256;
/** What is kept: so many scans, and so many workloads of them all. The oldest go first, the newest never. */
const MAX_SCANS = 30;
const MAX_WORKLOADS = 200_000;
const ROWS_AT_ONCE = 500;

/** Reads the cluster and judges it. */
export type ScanCluster = (request: ScanRequest) => Promise<ScanReport>;

/** Scans in a thread, one at a time. */
export function scanThread(
  kubeconfig: string | undefined,
  registries: Registries | null,
): { scan: ScanCluster; close: () => Promise<void> } {
  const threads = new DeadlineThreads<ScanFunctions>({
    name: 'scans',
    module: new URL('./threaded.js', import.meta.url),
    deadlineMs: SCAN_MS,
    maxHeapMiB: SCAN_MIB,
  });
  return {
    scan: (request) => threads.call('scanCluster', request, kubeconfig, registries),
    close: () => threads.close(),
  };
}

async function keepRows(tx: EntityManager, id: string, { rows }: ScanReport): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const some = rows.slice(from, from + ROWS_AT_ONCE);
    await tx.query(
      `insert into scanned_workload (scan, ordinal, namespace, category, current_scc, captured, refused, report)
       select $1, $2::int + r.at, r.report->>'namespace', r.report->>'category', r.report->>'current',
              ($3::boolean[])[r.at], ($4::boolean[])[r.at], r.report
       from jsonb_array_elements($5::jsonb) with ordinality as r (report, at)`,
      [id, from, some.map(isCaptured), some.map(isRefused), JSON.stringify(some)],
    );
  }
}

/** Deletes what is older than what is kept. */
async function forget(tx: EntityManager): Promise<void> {
  await tx.query(
    `delete from workload_scan where id in (
       select id from (
         select s.id, row_number() over newest as place, sum(w.rows) over newest as workloads
         from workload_scan s
         cross join lateral (select count(*) as rows from scanned_workload where scan = s.id) w
         where s.state <> 'running' window newest as (order by s.id desc)
       ) kept where place > $1 or (workloads > $2 and place > 1))`,
    [MAX_SCANS, MAX_WORKLOADS],
  );
}

const endOf = (
  row: Pick<WorkloadScanEntity, 'id' | 'namespace'>,
  details: Record<string, string | number | null>,
): Parameters<typeof appendAudit>[1] => ({
  actor: SYSTEM,
  action: 'scan.ended',
  object: scanObject(row),
  requestId: null,
  details,
});

/** Makes a scan that was asked for, and keeps what it finds, or why it found nothing. Never throws. */
export async function makeScan(
  row: WorkloadScanEntity,
  { source, scan, logger }: { source: DataSource; scan: ScanCluster; logger: Logger },
): Promise<void> {
  const { id, namespace, target } = row;
  try {
    const report = await scan({ namespace, target });
    await inTransaction(source, async (tx) => {
      const { assumed, changedDefaults, unreadable, aim, totals } = report;
      const notes = { assumed, changedDefaults, unreadable };
      const done = newRow<WorkloadScanEntity>({ state: 'done', finishedAt: new Date(), aim, notes });
      // One that took too long was given up meanwhile.
      const { affected } = await tx.getRepository(WorkloadScanEntity).update({ id, state: 'running' }, done);
      if (!affected) return;
      await keepRows(tx, id, report);
      await forget(tx);
      await appendAudit(tx, endOf(row, { state: 'done', aim, workloads: totals.workloads }));
    });
  } catch (error) {
    logger.warn({ err: error, scan: id }, 'a scan failed');
    await inTransaction(source, (tx) => giveUp(tx, row, messageOf(error))).catch((failure: unknown) =>
      logger.warn({ err: failure, scan: id }, 'the failure of a scan could not be recorded'),
    );
  }
}

/** Records that a scan came to nothing. */
export async function giveUp(
  tx: EntityManager,
  row: Pick<WorkloadScanEntity, 'id' | 'namespace'>,
  failure: string,
): Promise<void> {
  const { affected } = await tx
    .getRepository(WorkloadScanEntity)
    .update({ id: row.id, state: 'running' }, { state: 'failed', finishedAt: new Date(), failure });
  if (affected) await appendAudit(tx, endOf(row, { state: 'failed', failure }));
}
