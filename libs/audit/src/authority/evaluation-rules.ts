import { z } from 'zod';
import type { Ledger, LedgerRule, EntryPlace } from './ledger.js';

const text = z.string();
const evaluated = z.object({
  uid: text,
  author: text.nullable(),
  contentHash: text,
  requestHash: text,
  /** Absent in entries from before it was kept. */
  answerHash: text.optional(),
});
/** Absent in entries from before the table was compared. */
const asked = z.object({
  ...{ uid: text, verdict: text, contentHash: text, policyRevision: text },
  ...{ generation: z.int(), evaluatedAt: text },
});
const assessed = z.object({
  uid: text,
  risk: z.object({ assessmentId: text, model: text, band: text, signals: text, changeRisk: z.number() }),
  workload: z.object({ kind: text, name: text }),
  sccs: z.object({ source: text.nullable(), target: text }),
  evaluatedAt: text,
});
const outcome = z.object({
  ...{ uid: text, assessment: text.nullable(), label: text, reason: text, principal: text, finishedAt: text },
  ...{ sourceSCC: text.nullable(), targetSCC: text.nullable() },
});
const judgedStep = z.object({
  ...{ uid: text, step: text, contentHash: text },
  ...{ detail: text.optional(), reason: text.optional(), waitsFor: text.optional(), decidedAt: text.optional() },
});

const evaluationRow: LedgerRule = (ledger, { id, details }, by) => {
  const evaluation = asked.safeParse(details).data;
  if (!evaluation) return;
  const { uid: planUid, verdict, contentHash, policyRevision, generation, evaluatedAt } = evaluation;
  const holds = { planUid, verdict, contentHash, policyRevision, generation, evaluatedAt };
  ledger.set('evaluation', id, holds, by);
};

const assessmentRow: LedgerRule = (ledger, { namespace, details }, by) => {
  const assessment = assessed.safeParse(details).data;
  if (!assessment) return;
  const { uid: planUid, risk, workload, sccs, evaluatedAt: at } = assessment;
  const { assessmentId, ...judged } = risk;
  const about = { namespace, ...workload, sourceSCC: sccs.source, targetSCC: sccs.target };
  ledger.set('risk_assessment', assessmentId, { planUid, ...about, ...judged, at }, by);
};

function setStep(
  ledger: Ledger,
  { table, id, details }: { table: 'step_authorization' | 'step_refusal'; id: string; details: unknown },
  by: EntryPlace,
): void {
  const judged = judgedStep.safeParse(details).data;
  if (!judged) return;
  const { uid: planUid, waitsFor, step, contentHash, ...others } = judged;
  // What an entry of an earlier version does not say is not compared.
  const said = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  const waits = table === 'step_refusal' ? { waitsFor: waitsFor ?? null } : {};
  ledger.set(table, id, { planUid, step, contentHash, ...said, ...waits }, by);
}

/** The effect of questions, assessments, outcomes and steps on the rows. */
export const EVALUATION_RULES: Readonly<Record<string, LedgerRule>> = {
  'migration.evaluated': (ledger, entry, by) => {
    const { id, name, namespace, details } = entry;
    evaluationRow(ledger, entry, by);
    assessmentRow(ledger, entry, by);
    const question = evaluated.safeParse(details).data;
    if (!question) return;
    const { uid, author, answerHash, contentHash, requestHash } = question;
    const known = ledger.get('migration', uid)?.['author'] ?? author;
    const answer = answerHash === undefined ? {} : { answerHash };
    const holds = { namespace, name, author: known, evaluation: id, contentHash, requestHash, ...answer };
    ledger.set('migration', uid, holds, by);
  },
  'step.allowed': (ledger, { id, details }, by) => setStep(ledger, { table: 'step_authorization', id, details }, by),
  'step.refused': (ledger, { id, details }, by) => setStep(ledger, { table: 'step_refusal', id, details }, by),
  'risk.outcomeRecorded': (ledger, { id, namespace, details }, by) => {
    const ended = outcome.safeParse(details).data;
    if (!ended) return;
    const { uid, ...holds } = ended;
    ledger.set('risk_outcome', uid, { namespace, ...holds, entry: id }, by);
  },
};
