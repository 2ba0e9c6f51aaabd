import { z } from 'zod';
import type { AuditBody } from '../entry.js';
import { type ApprovalClaim, migrationClaims } from '../migration-claims.js';
import { trustedEvents, gatheredSchema, isWithin, type Reported, type ReportPeriod, planUidOf } from './entries.js';

/** A migration of which something is in the log of the period, as it stood at the end of it. */
export interface MigrationClaim {
  uid: string;
  namespace: string;
  name: string;
  /** Null in entries from before it was kept. */
  workload: string | null;
  campaign: string | null;
  author: string | null;
  source: string | null;
  target: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  /** `notObserved`: completed, and nothing has run under the target by then. */
  outcome: 'completed' | 'notObserved' | 'rolledBack' | 'rejected' | 'dryRun' | 'untrusted' | null;
  undo: { cause: string; message: string; at: string } | null;
  /** Steps of the undo that failed; they are tried again without limit. */
  failedUndoSteps: number;
  /** Why it was rejected. */
  violations: string[];
  /** Why a reported end does not count. */
  untrusted: string | null;
  entries: string[];
}

/** A question to approvers, and whether two people agreed. */
export interface FourEyesClaim extends ApprovalClaim {
  uid: string;
  namespace: string;
  name: string;
  /** Everybody who counts as author: none of them may approve. */
  authors: string[];
  /**
   * `held`: enough approvers, none of them an author. `broken`: an author approved. `bypassed`: break-glass.
   * `refused`: an approver said no. `open`: too few approved.
   */
  fourEyes: 'held' | 'broken' | 'bypassed' | 'refused' | 'open';
  entries: string[];
}

/** The entries of the plans of which something is in the log of the period, by plan. */
export function touchedPlans(entries: readonly AuditBody[], period: ReportPeriod): [string, AuditBody[]][] {
  return [...Map.groupBy(entries, planUidOf)].flatMap(([uid, own]): [string, AuditBody[]][] =>
    uid !== null && own.some(({ occurredAt }) => isWithin(period, occurredAt)) ? [[uid, own]] : [],
  );
}

const evaluatedSchema = z.object({
  author: z.string().nullable().default(null),
  campaign: z.string().nullable().default(null),
  workload: z.object({ kind: z.string(), name: z.string() }).nullable().default(null),
});
const undoSchema = z.object({ cause: z.string(), message: z.string() });
const rejectedSchema = z.object({ violations: z.array(z.object({ code: z.string(), message: z.string() })) });
const untrustedSchema = z.object({ reason: z.string() });

const ENDS: Readonly<Record<string, MigrationClaim['outcome']>> = {
  MigrationCompleted: 'completed',
  DryRunFinished: 'dryRun',
  PlanRejected: 'rejected',
  UndoFinished: 'rolledBack',
};

/** The entries of ends that were reported and do not count. */
export function untrustedEnds(entries: readonly AuditBody[]): Set<string> {
  const placeSchema = z.object({ workflowId: z.string(), runId: z.string(), sequence: z.int() });
  const placeIn = (value: unknown): string | null => {
    const place = placeSchema.safeParse(value).data;
    return place ? `${place.workflowId}/${place.runId}/${place.sequence}` : null;
  };
  const places = new Set(
    entries.flatMap(({ action, details }) => (action === 'migration.untrusted' ? (placeIn(details) ?? []) : [])),
  );
  return new Set(
    entries.flatMap(({ id, action, details }) => {
      const place = action.startsWith('migration.event.') ? placeIn(details) : null;
      return place !== null && places.has(place) ? [id] : [];
    }),
  );
}

/** @param entries all of one plan that a report rests on, in the order of the log. */
export function migrationClaim(uid: string, entries: readonly AuditBody[]): MigrationClaim {
  const events = trustedEvents(entries, untrustedEnds(entries));
  return {
    ...{ uid, ...nameIn(entries) },
    ...askedIn(entries),
    ...directionIn(events),
    ...endOf(entries, events),
    ...undoIn(events),
    entries: entries.map(({ id }) => id),
  };
}

function nameIn([first]: readonly AuditBody[]): { namespace: string; name: string } {
  return { namespace: first?.object.namespace ?? '', name: first?.object.name ?? '' };
}

function askedIn(entries: readonly AuditBody[]): Pick<MigrationClaim, 'workload' | 'campaign' | 'author'> {
  const evaluated = entries.flatMap(({ action, details }) =>
    action === 'migration.evaluated' ? (evaluatedSchema.safeParse(details).data ?? []) : [],
  );
  const workload = evaluated.find((one) => one.workload !== null)?.workload;
  return {
    workload: workload ? `${workload.kind} ${workload.name}` : null,
    campaign: evaluated.at(-1)?.campaign ?? null,
    author: evaluated[0]?.author ?? null,
  };
}

const lastOf = (events: readonly Reported[], type: string): Reported | undefined =>
  events.findLast(({ event }) => event.type === type);

function directionIn(events: readonly Reported[]): Pick<MigrationClaim, 'source' | 'target'> {
  const facts = gatheredSchema.safeParse(lastOf(events, 'FactsGathered')?.event).data;
  return { source: facts?.sourceSCC ?? null, target: facts?.targetSCC ?? null };
}

type End = Pick<MigrationClaim, 'startedAt' | 'finishedAt' | 'outcome' | 'violations' | 'untrusted'>;

function endOf(entries: readonly AuditBody[], events: readonly Reported[]): End {
  const end = events.findLast(({ event }) => event.type in ENDS);
  const untrusted = disbeliefIn(entries);
  return {
    startedAt: events[0]?.at ?? null,
    finishedAt: end?.at ?? null,
    outcome: untrusted !== null && !end ? 'untrusted' : believed(end),
    violations: violationsIn(events),
    untrusted,
  };
}

const unobservedSchema = z.object({ type: z.literal('MigrationCompleted'), notObserved: z.literal(true) });

const believed = (end: Reported | undefined): MigrationClaim['outcome'] =>
  unobservedSchema.safeParse(end?.event).success ? 'notObserved' : (ENDS[end?.event.type ?? ''] ?? null);

/** Why a reported end does not count; null where every end does. */
function disbeliefIn(entries: readonly AuditBody[]): string | null {
  const disbelieved = entries.findLast(({ action }) => action === 'migration.untrusted');
  return disbelieved ? (untrustedSchema.safeParse(disbelieved.details).data?.reason ?? '') : null;
}

function violationsIn(events: readonly Reported[]): string[] {
  const rejected = rejectedSchema.safeParse(lastOf(events, 'PlanRejected')?.event).data;
  return rejected?.violations.map(({ code, message }) => `${code}: ${message}`) ?? [];
}

function undoIn(events: readonly Reported[]): Pick<MigrationClaim, 'undo' | 'failedUndoSteps'> {
  const begun = lastOf(events, 'UndoStarted');
  const undo = undoSchema.safeParse(begun?.event).data;
  return {
    undo: begun && undo ? { ...undo, at: begun.at } : null,
    failedUndoSteps: events.filter(({ event }) => event.type === 'UndoStepFailed').length,
  };
}

const authorsSchema = z.object({
  contentHash: z.string().optional(),
  request: z.string(),
  author: z.string().nullable().default(null),
  editors: z.array(z.string()),
});
const bypassSchema = z.object({ contentHash: z.string() });

/** @param entries all of one plan that a report rests on, in the order of the log. */
export function fourEyesClaims(uid: string, entries: readonly AuditBody[]): FourEyesClaim[] {
  const about = { uid, ...nameIn(entries) };
  const { approvals, author } = migrationClaims(entries, uid);
  const rests = entries.filter(({ action }) => action.startsWith('approval.') || action === 'migration.evaluated');
  return approvals.map((approval) => {
    const authors = authorsOf(entries, approval.contentHash, author);
    const isBypassed = entries.some(
      ({ action, details }) =>
        action === 'approval.bypassed' && bypassSchema.safeParse(details).data?.contentHash === approval.contentHash,
    );
    const fourEyes = judged(approval, authors, isBypassed);
    return { ...about, ...approval, authors, fourEyes, entries: rests.map(({ id }) => id) };
  });
}

/** Who asked for it and whoever edited the plan to the same content. */
function authorsOf(entries: readonly AuditBody[], contentHash: string, author: string | null): string[] {
  const said = entries.flatMap(({ action, details }) =>
    action === 'approval.requested' || action === 'approval.edited'
      ? (authorsSchema.safeParse(details).data ?? [])
      : [],
  );
  const requests = new Set(said.filter((one) => one.contentHash === contentHash).map(({ request }) => request));
  const own = said.filter(({ request }) => requests.has(request));
  const names = [author, ...own.flatMap((one) => [one.author, ...one.editors])];
  return [...new Set(names.filter((name) => name !== null))].toSorted();
}

function judged(
  { needs, decisions }: ApprovalClaim,
  authors: readonly string[],
  isBypassed: boolean,
): FourEyesClaim['fourEyes'] {
  const agreed = decisions.filter(({ decision }) => decision === 'approve');
  if (agreed.some(({ approver }) => authors.includes(approver))) return 'broken';
  if (isBypassed) return 'bypassed';
  if (decisions.some(({ decision }) => decision === 'refuse')) return 'refused';
  const isHeld = needs.every(({ role, count }) => agreed.filter((one) => one.role === role).length >= count);
  return isHeld && agreed.length > 0 ? 'held' : 'open';
}
