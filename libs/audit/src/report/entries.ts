import { z } from 'zod';
import { type AuditBody, auditBodySchema } from '../entry.js';

/** From when to when a report is about; the end is not in it. RFC 3339, UTC. */
export interface ReportPeriod {
  from: string;
  to: string;
}

/** The events of migrations that a report rests on. */
const EVENTS = [
  ...['PlanAccepted', 'FactsGathered', 'PlanRejected', 'ApprovalRefused', 'WorkloadMigrated', 'MigrationCompleted'],
  ...['DryRunFinished', 'UndoStarted', 'UndoStepFailed', 'UndoFinished'],
];

/** The actions of entries that a report rests on. */
export const REPORT_ACTIONS: readonly string[] = [
  ...EVENTS.map((type) => `migration.event.${type}`),
  ...['migration.evaluated', 'migration.untrusted'],
  ...['requested', 'edited', 'granted', 'refused', 'withdrawn', 'lapsed', 'begun', 'closed', 'expired'].map(
    (what) => `approval.${what}`,
  ),
  ...['approval.bypassed', 'approval.bypassReviewed'],
  ...['exception.requested', 'exception.approved', 'exception.revoked', 'exception.expired'],
  ...['scc.observed', 'scc.gone'],
  ...['workload.sccObserved', 'workload.sccChanged', 'workload.sccMixed', 'workload.gone'],
  ...['stop.set', 'stop.lifted', 'record.contradicted', 'record.answered'],
  ...[
    ...['created', 'boardMade', 'approved', 'approvalWithdrawn', 'paused', 'resumed', 'abortRequested', 'edited'],
    ...['waveBegun', 'waveEnded', 'budgetSpent', 'completed', 'aborted', 'rejected', 'deleted'],
  ].map((what) => `campaign.${what}`),
];

const ANYWHERE = ['scc.', 'stop.'];

/**
 * Whether an entry can be in a report about the namespaces that a predicate takes: SCCs and stops of the whole cluster
 * concern every namespace, what else is about none is for reports about all.
 */
export const isOfReport = ({ action, object }: AuditBody, takes: ((namespace: string) => boolean) | null): boolean =>
  REPORT_ACTIONS.includes(action) &&
  (takes === null ||
    (object.namespace === undefined ? ANYWHERE.some((part) => action.startsWith(part)) : takes(object.namespace)));

/** What `FactsGathered` says of the direction. */
export const gatheredSchema = z.object({ sourceSCC: z.string().nullable(), targetSCC: z.string() });

const planSchema = z.object({ uid: z.string() });

/** The plan that an entry is about, by its uid; null for other entries. */
export const planUidOf = ({ object, details }: AuditBody): string | null =>
  object.kind === 'SCCMigrationPlan' ? (planSchema.safeParse(details).data?.uid ?? null) : null;

/** A point in time as a number, so that every way to write it compares. */
export const instantOf = (time: string): number => Date.parse(time);

export const isWithin = ({ from, to }: ReportPeriod, time: string): boolean =>
  instantOf(time) >= instantOf(from) && instantOf(time) < instantOf(to);

/** Whether something that lasted from one time to another (null: it lasts) has a part in the period. */
export const overlaps = ({ from, to }: ReportPeriod, began: string, ended: string | null): boolean =>
  instantOf(began) < instantOf(to) && (ended === null || instantOf(ended) > instantOf(from));

/** The entry in bytes that the log holds, as base64; null for bytes that are no entry. */
export function bodyOf(bytes: string): AuditBody | null {
  try {
    return auditBodySchema.safeParse(JSON.parse(Buffer.from(bytes, 'base64').toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

const reportedSchema = z.object({
  ...{ workflowId: z.string(), runId: z.string(), sequence: z.int(), phase: z.string(), at: z.string() },
  event: z.looseObject({ type: z.string() }),
});
export type Reported = z.infer<typeof reportedSchema> & { entryId: string };

/** The events that entries of one plan report and that count, in the order of time. */
export const trustedEvents = (entries: readonly AuditBody[], untrusted: ReadonlySet<string>): Reported[] =>
  entries
    .flatMap((entry) => reportedIn(entry) ?? [])
    .filter(({ entryId }) => !untrusted.has(entryId))
    .toSorted((a, b) => instantOf(a.at) - instantOf(b.at) || a.sequence - b.sequence);

/** The reported event of an entry; null for an entry that is none. */
function reportedIn({ id, action, details }: AuditBody): Reported | null {
  const reported = action.startsWith('migration.event.') ? reportedSchema.safeParse(details).data : undefined;
  return reported ? { ...reported, entryId: id } : null;
}
