import {
  bodyOf,
  isOfReport,
  type NoteSigner,
  REPORT_ACTIONS,
  reportClaims,
  type ReportDocument,
  reportEntries,
  type ReportPeriod,
  reportNoteText,
  type SignedReport,
  signNote,
} from '@scc/audit';
import { newestCheckpoint, provableRow, proveEntries } from '../audit/proofs.js';
import { isEverywhere, isInScope, likePatterns, type Scope } from '../call/scope.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';

/** So many entries are looked at for one report, and it holds so many of them. */
const MAX_LOOKED_AT = 20_000;
const MAX_HELD = 5_000;

export interface ReportQuestion {
  period: ReportPeriod;
  scope: Scope;
  /** SHA-256 of the mapping to controls that is shown beside the report. */
  map: string | null;
}

/**
 * What the audit log says about a period, with the entries that it rests on, signed by the audit key.
 * @throws Refusal `invalid` when the period does not end after it begins, or is about too much.
 */
export async function buildReport(
  db: Queryable,
  { period, scope, map }: ReportQuestion,
  { signer, origin, now }: { signer: NoteSigner; origin: string; now: Date },
): Promise<SignedReport> {
  requirePeriod(period, now);
  const newest = await newestCheckpoint(db);
  const rows = await candidates(db, period, scope);
  const takes = isEverywhere(scope) ? null : (namespace: string): boolean => isInScope(scope, namespace);
  const bodies = rows.flatMap(({ body }) => bodyOf(body.toString('base64')) ?? []);
  const needed = reportEntries(
    bodies.filter((body) => isOfReport(body, takes)),
    period,
  );
  if (needed.size > MAX_HELD) throw tooMuch(`it would hold ${needed.size} entries, at most ${MAX_HELD}`);
  const held = rows.filter(({ entry_id: id }) => needed.has(id));
  const document: ReportDocument = {
    version: 1,
    generatedAt: now.toISOString(),
    period,
    namespaces: isEverywhere(scope) ? null : [...scope].sort(),
    map,
    claims: reportClaims(
      bodies.filter(({ id }) => needed.has(id)),
      period,
    ),
    audit: { checkpoint: newest?.note ?? null, entries: await proveEntries(db, held, newest?.size ?? 0) },
  };
  return { document, signature: signNote(reportNoteText(origin, document, period), [signer]) };
}

function requirePeriod({ from, to }: ReportPeriod, now: Date): void {
  if (from >= to)
    throw new Refusal('invalid', 'the period ends before it begins', [
      { field: 'to', message: `is not after ${from}` },
    ]);
  if (Date.parse(to) > now.getTime())
    throw new Refusal('invalid', 'the period is not over', [{ field: 'to', message: 'lies in the future' }]);
}

const tooMuch = (why: string): Refusal =>
  new Refusal('invalid', 'the report is about too much', [
    { field: 'from', message: `${why}: ask for a shorter period, or for single namespaces` },
  ]);

/** Entries before the period count as well: what ran at its beginning was begun by one of them. */
async function candidates(db: Queryable, { to }: ReportPeriod, scope: Scope) {
  const rows = await rowsOf(
    db,
    provableRow,
    `select e.entry_id, e.body, e.leaf_hash, s.index from audit_entry e left join audit_seal s on s.entry = e.id
     where e.action = any($1) and e.occurred_at < $2
       and ($3::text[] is null or e.object_namespace is null or e.object_namespace like any($3))
     order by e.id limit $4`,
    [REPORT_ACTIONS, to, likePatterns(scope), MAX_LOOKED_AT + 1],
  );
  if (rows.length > MAX_LOOKED_AT) throw tooMuch(`more than ${MAX_LOOKED_AT} entries would have to be looked at`);
  return rows;
}
