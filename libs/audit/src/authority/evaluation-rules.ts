import { z } from 'zod';
import type { Ledger, LedgerRule, EntryPlace } from './ledger.js';
import { read } from './reading.js';
import { written } from './written.js';

const text = z.string();
const evaluated = z.object({
  uid: text,
  author: text.nullable(),
  contentHash: text,
  requestHash: text,
  /** Absent in entries from before it was kept. */
  answerHash: text.optional(),
  /** Since when the plan is known. Absent in entries from before it was kept. */
  known: text.optional(),
});
/** Absent in entries from before the table was compared. */
const asked = z.object({
  ...{ uid: text, verdict: text, contentHash: text, policyRevision: text },
  ...{ generation: z.int(), evaluatedAt: text },
});
/** Absent in entries from before it was kept. */
const answered = { answerHash: text.optional() };
/** Absent in entries from before verdicts were kept. */
const spoken = z.object({
  ...{ uid: text, contentHash: text, evaluatedAt: text },
  recorded: z.array(z.object({ policy: text, binding: text, rule: text, because: text, would: text, message: text })),
});
const assessed = z.object({
  uid: text,
  risk: z.object({ assessmentId: text, model: text, band: text, signals: text, changeRisk: z.number(), ...answered }),
  workload: z.object({ kind: text, name: text }),
  sccs: z.object({ source: text.nullable(), target: text }),
  evaluatedAt: text,
});
const outcome = z.object({
  ...{ uid: text, assessment: text.nullable(), label: text, reason: text, principal: text, finishedAt: text },
  ...{ sourceSCC: text.nullable(), targetSCC: text.nullable() },
  /** Absent in entries from before they were kept. */
  ...{ kind: text.nullable().optional(), name: text.nullable().optional() },
});
const judgedStep = z.object({
  ...{ uid: text, step: text, contentHash: text },
  ...{ detail: text.optional(), reason: text.optional(), waitsFor: text.optional(), decidedAt: text.optional() },
});

const evaluationRow: LedgerRule = (ledger, { id, details }, by) => {
  const evaluation = read(asked, details);
  if (!evaluation) return;
  const { uid: planUid, verdict, contentHash, policyRevision, generation, evaluatedAt } = evaluation;
  const holds = { planUid, verdict, contentHash, policyRevision, generation, evaluatedAt };
  ledger.set('evaluation', id, holds, by);
};

/** The first evaluation of a content in which a rule says something says it for all that follow. */
const verdictRows: LedgerRule = (ledger, { id: entry, name, namespace, details }, by) => {
  const evaluation = read(spoken, details);
  if (!evaluation) return;
  const { uid: planUid, contentHash, evaluatedAt, recorded } = evaluation;
  for (const verdict of recorded) {
    const key = [planUid, contentHash, verdict.binding, verdict.rule, verdict.because].join(' ');
    if (ledger.get('policy_verdict', key)) continue;
    ledger.set('policy_verdict', key, { planUid, contentHash, namespace, name, ...verdict, entry, evaluatedAt }, by);
  }
};

const assessmentRow: LedgerRule = (ledger, { namespace, details }, by) => {
  const assessment = read(assessed, details);
  if (!assessment) return;
  const { uid: planUid, risk, workload, sccs, evaluatedAt: at } = assessment;
  const { assessmentId, answerHash, ...judged } = risk;
  const answer = answerHash === undefined ? {} : { answerHash };
  const about = { namespace, ...workload, sourceSCC: sccs.source, targetSCC: sccs.target };
  ledger.set('risk_assessment', assessmentId, { planUid, ...about, ...judged, ...answer, at }, by);
};

function setStep(
  ledger: Ledger,
  { table, id, details }: { table: 'step_authorization' | 'step_refusal'; id: string; details: unknown },
  by: EntryPlace,
): void {
  const judged = read(judgedStep, details);
  if (!judged) return;
  const { uid: planUid, waitsFor, step, contentHash, ...others } = judged;
  // What an entry of an earlier version does not say is not compared.
  const said = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  ledger.set(table, id, { planUid, step, contentHash, ...said, waitsFor: waitsFor ?? null }, by);
}

/** The effect of questions, assessments, outcomes and steps on the rows. */
export const EVALUATION_RULES: Readonly<Record<string, LedgerRule>> = {
  'migration.evaluated': (ledger, entry, by) => {
    const { id, name, namespace, details } = entry;
    evaluationRow(ledger, entry, by);
    assessmentRow(ledger, entry, by);
    verdictRows(ledger, entry, by);
    const question = read(evaluated, details);
    if (!question) return;
    const { uid, author, answerHash, contentHash, requestHash, known } = question;
    const before = ledger.get('migration', uid);
    const createdAt = before?.['createdAt'] ?? known;
    const answer = answerHash === undefined ? {} : { answerHash };
    const since = { author: before?.['author'] ?? author, ...(createdAt === undefined ? {} : { createdAt }) };
    const holds = { namespace, name, evaluation: id, contentHash, requestHash, ...answer, ...since };
    ledger.set('migration', uid, holds, by);
  },
  'step.allowed': (ledger, { id, details }, by) => setStep(ledger, { table: 'step_authorization', id, details }, by),
  'step.refused': (ledger, { id, details }, by) => setStep(ledger, { table: 'step_refusal', id, details }, by),
  'risk.outcomeRecorded': (ledger, { id, namespace, details }, by) => {
    const ended = read(outcome, details);
    if (!ended) return;
    const { uid, kind, name, ...holds } = ended;
    const about = kind === undefined || name === undefined ? {} : { kind, name };
    ledger.set(
      'risk_outcome',
      uid,
      { namespace, ...about, ...holds, entry: id, ...written(details, 'recordedAt') },
      by,
    );
  },
};
