import { type AuditBody, auditBodySchema, hashOf } from '@scc/audit';
import { migrationEventSchema, phaseSchema } from '@scc/plan';
import { z } from 'zod';
import type { MigrationView, StoredEvent } from './project.js';
import type { EventRow, ReportedMigrationDetail, StepRecord } from './read.js';

/** Audit entries of one plan by their ids, in the order of the log. */
export type Evidence = ReadonlyMap<string, AuditBody>;

export const evidenceIn = (entries: readonly { entryId: string; body: string }[]): Evidence =>
  new Map(
    entries.map(({ entryId, body }) => [
      entryId,
      auditBodySchema.parse(JSON.parse(Buffer.from(body, 'base64').toString('utf8'))),
    ]),
  );

const reportedSchema = z.object({
  workflowId: z.string(),
  runId: z.string(),
  sequence: z.int(),
  at: z.string(),
  phase: phaseSchema,
  event: z.looseObject({ type: z.string(), sha256: z.string().optional() }),
});

/** Whether the details of an entry are those of a reported event of this plan. */
export const isReported = (details: unknown, uid: string): boolean =>
  reportedSchema.extend({ uid: z.literal(uid) }).safeParse(details).success;

/** The events that the log holds: what an entry says stands for the row, and a row without its entry is left out. */
export const provedEvents = (events: readonly EventRow[], evidence: Evidence): EventRow[] =>
  events.flatMap((row) => {
    const reported = reportedSchema.safeParse(evidence.get(row.entryId)?.details).data;
    if (!reported) return [];
    const { event, ...place } = reported;
    // Of a long event the log holds the hash.
    if (event.sha256 !== undefined && event.type === row.event['type'])
      return event.sha256 === hashOf(row.event) ? [{ ...place, event: row.event, entryId: row.entryId }] : [];
    return [{ ...place, event, entryId: row.entryId }];
  });

/** The steps that the log holds as they stand in the table. */
export const provedSteps = (steps: readonly StepRecord[], evidence: Evidence): StepRecord[] =>
  steps.filter(({ entryId, step, allowed, reason }) => {
    const entry = evidence.get(entryId);
    const said = z
      .object({ step: z.string(), allowed: z.boolean(), reason: z.string() })
      .safeParse(entry?.details).data;
    return said?.step === step && said.allowed === allowed && said.reason === reason;
  });

export const toStored = ({ event, phase, ...record }: EventRow): StoredEvent => ({
  ...record,
  version: 1,
  phase: phaseSchema.parse(phase),
  event: migrationEventSchema.parse(event),
});

interface Decided {
  approver: string;
  role: string;
  decision: string;
  reason: string | null;
  at: string;
}

const decisionSchema = z.object({ request: z.string(), role: z.string(), reason: z.string().nullable().optional() });
const lapsedSchema = z.object({ request: z.string(), approver: z.string() });

/**
 * The people who decided about a request, by the entries of the decisions, without those that were taken back or
 * lapsed.
 */
export function decidedIn(evidence: Evidence, request: string): Decided[] {
  const decided = new Map<string, Decided>();
  for (const { action, actor, details, occurredAt } of evidence.values()) {
    const lapsed = action === 'approval.lapsed' ? lapsedSchema.safeParse(details).data : undefined;
    if (lapsed?.request === request) decided.delete(lapsed.approver);
    const made = decisionSchema.safeParse(details).data;
    if (made?.request !== request) continue;
    if (action === 'approval.withdrawn') decided.delete(actor.name);
    const decision = { 'approval.granted': 'approve', 'approval.refused': 'refuse' }[action];
    if (decision !== undefined)
      decided.set(actor.name, {
        ...{ approver: actor.name, role: made.role, decision, reason: made.reason ?? null },
        at: occurredAt,
      });
  }
  return [...decided.values()];
}

const ROLES = ['before', 'canary', 'after'];

export const inOrderOfRoles = (pods: MigrationView['pods']): ReportedMigrationDetail['pods'] =>
  pods
    .toSorted((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || a.name.localeCompare(b.name))
    .map(({ uid, name, node, role, scc }) => ({ uid, name, node, role, scc }));
