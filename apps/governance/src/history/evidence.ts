import { type AuditBody, bodyOf, hashOf } from '@scc/audit';
import { migrationEventSchema, phaseSchema } from '@scc/plan';
import { z } from 'zod';
import type { MigrationView, StoredEvent } from './project.js';
import type { EventRow, ReportedMigrationDetail } from './read.js';

/** Audit entries of one plan by their ids, in the order of the log. */
export type Evidence = ReadonlyMap<string, AuditBody>;

export const evidenceIn = (entries: readonly { entryId: string; body: string }[]): Evidence =>
  new Map(
    entries.flatMap(({ entryId, body }): [string, AuditBody][] => {
      // One that the service did not write says nothing; `verify` names it.
      const said = bodyOf(body);
      return said ? [[entryId, said]] : [];
    }),
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

export const toStored = ({ event, phase, ...record }: EventRow): StoredEvent => ({
  ...record,
  version: 1,
  phase: phaseSchema.parse(phase),
  event: migrationEventSchema.parse(event),
});

const ROLES = ['before', 'canary', 'after'];

export const inOrderOfRoles = (pods: MigrationView['pods']): ReportedMigrationDetail['pods'] =>
  pods
    .toSorted((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || a.name.localeCompare(b.name))
    .map(({ uid, name, node, role, scc }) => ({ uid, name, node, role, scc }));
