import { z } from 'zod';
import type { AuditBody } from '../entry.js';
import { isWithin, overlaps, type ReportPeriod, planUidOf } from './entries.js';

/** An exception from a policy that was asked for, or in force, in the period. */
export interface ExceptionClaim {
  id: string;
  policy: string;
  target: { namespace: string; kind: string; name: string };
  reason: string;
  requestedBy: string;
  requestedAt: string;
  approvedBy: string | null;
  approvedAt: string | null;
  revokedBy: string | null;
  revokedAt: string | null;
  expiresAt: string;
  /** Plans of the report that a policy let through because of it. */
  plans: string[];
  entries: string[];
}

/** Approvals that were not waited for: in the period, reviewed in it, or without a review at its end. */
export interface BreakGlassClaim {
  id: string;
  uid: string;
  namespace: string;
  name: string;
  usedBy: string;
  usedAt: string;
  reason: string;
  missing: { role: string; count: number; granted: number }[];
  review: { by: string; at: string; text: string } | null;
  entries: string[];
}

/** A workload came under another SCC, or another content of it, and no plan explains it. */
export interface UnplannedClaim {
  namespace: string;
  kind: string;
  name: string;
  since: string;
  reason: string;
  relation: string;
  from: { scc: string; version: string | null };
  to: { scc: string; version: string | null };
  manager: string | null;
  user: string | null;
  entries: string[];
}

export interface StopClaim {
  id: string;
  namespace: string | null;
  reason: string;
  setBy: string;
  setAt: string;
  liftedBy: string | null;
  liftedAt: string | null;
  liftReason: string | null;
  entries: string[];
}

/** Something contradicted the log, or somebody answered for it. */
export interface LogClaim {
  at: string;
  what: 'contradicted' | 'answered';
  by: string;
  reason: string | null;
  /** Tables and keys. */
  rows: string[];
  entries: string[];
}

const text = z.string();
const requestedSchema = z.object({
  ...{ id: text, policy: text, reason: text, expiresAt: text },
  target: z.object({ namespace: text, kind: text, name: text }),
});
const idSchema = z.object({ id: text });
const liftedBySchema = z.object({ exceptions: z.array(text) });

export function exceptionClaims(
  entries: readonly AuditBody[],
  period: ReportPeriod,
  touched: readonly (readonly [string, readonly AuditBody[]])[],
): ExceptionClaim[] {
  const found = new Map<string, ExceptionClaim>();
  for (const entry of entries) {
    const asked = exceptionAskedIn(entry);
    if (asked) found.set(asked.id, asked);
    else if (entry.action.startsWith('exception.')) follow(found, entry);
  }
  for (const [id, plan] of touched.flatMap(([, own]) => own.flatMap(liftedIn))) {
    const plans = found.get(id)?.plans;
    if (plans && !plans.includes(plan)) plans.push(plan);
  }
  return [...found.values()].filter(({ requestedAt, revokedAt, expiresAt }) =>
    overlaps(period, requestedAt, revokedAt ?? expiresAt),
  );
}

function exceptionAskedIn({ id, action, actor, occurredAt, details }: AuditBody): ExceptionClaim | null {
  const asked = action === 'exception.requested' ? requestedSchema.safeParse(details).data : undefined;
  if (!asked) return null;
  const persons = { approvedBy: null, approvedAt: null, revokedBy: null, revokedAt: null };
  return { ...asked, requestedBy: actor.name, requestedAt: occurredAt, ...persons, plans: [], entries: [id] };
}

function follow(
  found: ReadonlyMap<string, ExceptionClaim>,
  { id, action, actor, occurredAt: at, details }: AuditBody,
): void {
  const known = found.get(idSchema.safeParse(details).data?.id ?? '');
  if (!known) return;
  known.entries.push(id);
  if (action === 'exception.approved') Object.assign(known, { approvedBy: actor.name, approvedAt: at });
  if (action === 'exception.revoked') Object.assign(known, { revokedBy: actor.name, revokedAt: at });
}

/** The exceptions that lifted a policy for a plan, each with the plan. */
function liftedIn({ action, object, details }: AuditBody): [string, string][] {
  const lifted = action === 'migration.evaluated' ? liftedBySchema.safeParse(details).data : undefined;
  return (lifted?.exceptions ?? []).map((id) => [id, `${object.namespace ?? ''}/${object.name ?? ''}`]);
}

const usedSchema = z.object({
  ...{ breakGlass: text, reason: text },
  missing: z.array(z.object({ role: text, count: z.int(), granted: z.int() })),
});
const reviewedSchema = z.object({ breakGlass: text, review: text });

export function breakGlassClaims(entries: readonly AuditBody[], period: ReportPeriod): BreakGlassClaim[] {
  const found = new Map<string, BreakGlassClaim>();
  for (const entry of entries) {
    const { id: entryId, action, actor, occurredAt: at, object, details } = entry;
    const used = action === 'approval.bypassed' ? usedSchema.safeParse(details).data : undefined;
    if (used) {
      const { breakGlass: id, reason, missing } = used;
      const plan = { uid: planUidOf(entry) ?? '', namespace: object.namespace ?? '', name: object.name ?? '' };
      const how = { usedBy: actor.name, usedAt: at, reason, missing };
      found.set(id, { id, ...plan, ...how, review: null, entries: [entryId] });
    }
    const reviewed = action === 'approval.bypassReviewed' ? reviewedSchema.safeParse(details).data : undefined;
    const known = reviewed && found.get(reviewed.breakGlass);
    if (!known) continue;
    known.review = { by: actor.name, at, text: reviewed.review };
    known.entries.push(entryId);
  }
  return [...found.values()].filter(({ usedAt, review }) => overlaps(period, usedAt, review?.at ?? null));
}

const contentSchema = z.object({ scc: text, version: text.nullable() });
const changedSchema = z.object({
  ...{ since: text, reason: text, relation: text, from: contentSchema, to: contentSchema },
  ...{ manager: text.nullable(), user: text.nullable() },
});

export function unplannedClaims(entries: readonly AuditBody[], period: ReportPeriod): UnplannedClaim[] {
  return entries.flatMap(({ id, action, occurredAt, object, details }) => {
    if (action !== 'workload.sccChanged' && action !== 'workload.sccMixed') return [];
    const changed = isWithin(period, occurredAt) ? changedSchema.safeParse(details).data : undefined;
    const { namespace = '', kind, name = '' } = object;
    return changed ? [{ namespace, kind, name, ...changed, entries: [id] }] : [];
  });
}

const reasonSchema = z.object({ reason: text });

export function stopClaims(entries: readonly AuditBody[], period: ReportPeriod): StopClaim[] {
  const found = new Map<string, StopClaim>();
  for (const { id: entryId, action, actor, occurredAt: at, object, details } of entries) {
    const { reason } = reasonSchema.safeParse(details).data ?? {};
    if (object.name === undefined || reason === undefined) continue;
    if (action === 'stop.set') {
      const lift = { liftedBy: null, liftedAt: null, liftReason: null };
      const set = { id: object.name, namespace: object.namespace ?? null, reason, setBy: actor.name, setAt: at };
      found.set(object.name, { ...set, ...lift, entries: [entryId] });
    }
    const known = action === 'stop.lifted' ? found.get(object.name) : undefined;
    if (!known) continue;
    Object.assign(known, { liftedBy: actor.name, liftedAt: at, liftReason: reason });
    known.entries.push(entryId);
  }
  return [...found.values()].filter(({ setAt, liftedAt }) => overlaps(period, setAt, liftedAt));
}

const rowsSchema = z.array(z.object({ table: text, key: text })).default([]);
const aboutLogSchema = z.object({
  reason: text.nullable().default(null),
  ...{ found: rowsSchema, rows: rowsSchema, closed: rowsSchema },
});

export function logClaims(entries: readonly AuditBody[], period: ReportPeriod): LogClaim[] {
  return entries.flatMap(({ id, action, actor, occurredAt: at, details }) => {
    if (action !== 'record.contradicted' && action !== 'record.answered') return [];
    const said = isWithin(period, at) ? aboutLogSchema.safeParse(details).data : undefined;
    if (!said) return [];
    const rows = [...said.found, ...said.rows, ...said.closed].map(({ table, key }) => `${table}/${key}`);
    const what = action === 'record.contradicted' ? ('contradicted' as const) : ('answered' as const);
    return [{ at, what, by: actor.name, reason: said.reason, rows, entries: [id] }];
  });
}
