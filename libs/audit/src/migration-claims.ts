import { z } from 'zod';
import { Ledger } from './authority/ledger.js';
import { RULES } from './authority/rules.js';
import type { AuditBody } from './entry.js';

/** What the entries of one plan say that a proof of its migration claims. */
export interface MigrationClaims {
  author: string | null;
  /** Of the newest evaluation; hashes are null in entries from before they were kept. */
  evaluation: { entryId: string; evaluatedAt: string; askedHash: string | null; answerHash: string | null } | null;
  approvals: ApprovalClaim[];
  steps: StepClaim[];
  /** Places of reported ends that do not count, as `workflow/run/sequence`. */
  untrusted: ReadonlySet<string>;
}

export interface ApprovalClaim {
  contentHash: string;
  status: string;
  needs: { role: string; count: number; reason: string; lends?: string[] | undefined }[];
  requestedAt: string;
  expiresAt: string;
  decisions: { approver: string; role: string; decision: string; reason: string | null; at: string }[];
}

interface StepClaim {
  step: string;
  detail: string;
  allowed: boolean;
  reason: string;
  entryId: string;
  decidedAt: string;
}

const text = z.string();
const requestSchema = z.object({
  contentHash: text,
  status: text,
  needs: z.array(z.object({ role: text, count: z.int(), reason: text, lends: z.array(text).optional() })),
  expiresAt: text,
});
const stepSchema = z.object({ step: text, detail: text, allowed: z.boolean(), reason: text });
const placeSchema = z.object({ workflowId: text, runId: text, sequence: z.int() });
const evaluatedSchema = z.object({
  askedHash: text.nullable().default(null),
  answerHash: text.nullable().default(null),
});
const decisionSchema = z.object({ request: text, role: text, reason: text.nullable().default(null) });
const askedSchema = z.object({ request: text });
const lapsedSchema = z.object({ request: text, approver: text });

/** Where a reported event stands among those of its plan. */
export const placeOfEvent = ({ workflowId, runId, sequence }: z.infer<typeof placeSchema>): string =>
  `${workflowId}/${runId}/${sequence}`;

/** @param entries all of the plan, in the order of the log. */
export function migrationClaims(entries: readonly AuditBody[], uid: string): MigrationClaims {
  const ledger = Ledger.empty();
  for (const { id, action, actor, object, details } of entries) {
    const { name = null, namespace = null } = object;
    RULES[action]?.(ledger, { id, action, actor: actor.name, name, namespace, details }, { index: null, entryId: id });
  }
  const author = ledger.get('migration', uid)?.['author'];
  return {
    author: typeof author === 'string' ? author : null,
    evaluation: evaluationIn(entries),
    approvals: [...ledger.rows('approval_request')].flatMap(([id, { holds }]) => approvalIn(entries, id, holds)),
    steps: entries.flatMap(({ id: entryId, action, details, occurredAt: decidedAt }) => {
      const step = stepSchema.safeParse(details).data;
      return step && action === (step.allowed ? 'step.allowed' : 'step.refused')
        ? [{ ...step, entryId, decidedAt }]
        : [];
    }),
    untrusted: new Set(
      entries.flatMap(({ action, details }) => {
        const place = placeSchema.safeParse(details).data;
        return action === 'migration.untrusted' && place ? [placeOfEvent(place)] : [];
      }),
    ),
  };
}

function approvalIn(entries: readonly AuditBody[], id: string, holds: unknown): ApprovalClaim[] {
  const request = requestSchema.safeParse(holds).data;
  const requestedAt = entries.find(
    ({ action, details }) => action === 'approval.requested' && askedSchema.safeParse(details).data?.request === id,
  )?.occurredAt;
  return request && requestedAt !== undefined ? [{ ...request, requestedAt, decisions: decidedIn(entries, id) }] : [];
}

function evaluationIn(entries: readonly AuditBody[]): MigrationClaims['evaluation'] {
  const newest = entries.findLast(({ action }) => action === 'migration.evaluated');
  const hashes = evaluatedSchema.safeParse(newest?.details).data;
  return newest && hashes ? { entryId: newest.id, evaluatedAt: newest.occurredAt, ...hashes } : null;
}

/** The people who decided about a request, without those whose decision was taken back or lapsed. */
function decidedIn(entries: readonly AuditBody[], request: string): ApprovalClaim['decisions'] {
  const decided = new Map<string, ApprovalClaim['decisions'][number]>();
  for (const { action, actor, details, occurredAt: at } of entries) {
    const lapsed = action === 'approval.lapsed' ? lapsedSchema.safeParse(details).data : undefined;
    if (lapsed?.request === request) decided.delete(lapsed.approver);
    const made = decisionSchema.safeParse(details).data;
    if (made?.request !== request) continue;
    if (action === 'approval.withdrawn') decided.delete(actor.name);
    const decision = { 'approval.granted': 'approve', 'approval.refused': 'refuse' }[action];
    if (decision === undefined) continue;
    decided.set(actor.name, { approver: actor.name, role: made.role, decision, reason: made.reason, at });
  }
  return [...decided.values()];
}
