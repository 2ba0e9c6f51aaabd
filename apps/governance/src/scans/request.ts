import { AsyncLocalStorage } from 'node:async_hooks';
import type { KeptScan, ScanRequest } from '@scc/scc/scan';
import type { Logger } from 'pino';
import { type DataSource, type EntityManager, LessThan } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { newRow } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { Refusal } from '../refusal/refusal.js';
import { giveUp, makeScan, SCAN_MS, type ScanCluster } from './run.js';
import { WorkloadScanEntity } from './scan.entity.js';
import { keptScanOf, scanObject } from './store.js';

/** What scans are made with. */
export class ScanParts {
  /** Runs what is no part of the request that began it: neither its key nor its receipt. */
  readonly apart = AsyncLocalStorage.snapshot();

  constructor(
    /** Null where there is no cluster to read. */
    readonly scan: ScanCluster | null,
    readonly logger: Logger,
  ) {}
}

/** A scan that runs longer than it may has lost its process. */
const LOST_MS = SCAN_MS + 60_000;

async function record(tx: EntityManager, { namespace, target }: ScanRequest, call: CallContext) {
  const { actor, requestId, now } = call;
  await tx.query('select pg_advisory_xact_lock(52)');
  const scans = tx.getRepository(WorkloadScanEntity);
  const lost = { state: 'running' as const, requestedAt: LessThan(new Date(now.getTime() - LOST_MS)) };
  for (const one of await scans.findBy(lost)) await giveUp(tx, one, 'the process that made it has ended');
  const running = await scans.findOneBy({ state: 'running' });
  if (running) throw new Refusal('conflict', 'a scan is being made already; ask again when it is done');
  const row = Object.assign(new WorkloadScanEntity(), {
    ...{ namespace, target, requestedBy: actor.name, requestedAt: now, state: 'running' as const },
    ...{ finishedAt: null, failure: null, aim: null, notes: null },
  });
  await scans.insert(newRow<WorkloadScanEntity>(row));
  await appendAudit(tx, {
    actor,
    action: 'scan.requested',
    object: scanObject(row),
    requestId,
    details: { target },
  });
  return row;
}

/**
 * Begins a scan; its answer is the scan as it stands, which `GET /v1/scans/{id}` shows from then on.
 * @throws Refusal `conflict` while another one is being made
 */
export async function requestScan(
  source: DataSource,
  { scan, logger, apart }: ScanParts,
  request: ScanRequest,
  call: CallContext,
): Promise<KeptScan> {
  if (!scan) throw new Refusal('conflict', 'the service knows no cluster that it could read');
  const begun: WorkloadScanEntity[] = [];
  // The transaction answers what a caller gets who sends the request again.
  const answer = await inTransaction(source, async (tx) => {
    const row = await record(tx, request, call);
    begun.push(row);
    return keptScanOf(row, []);
  });
  for (const row of begun) apart(() => void makeScan(row, { source, scan, logger }));
  return answer;
}
