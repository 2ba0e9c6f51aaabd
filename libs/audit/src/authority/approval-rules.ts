import { z } from 'zod';
import type { EntryPlace, Ledger, LedgerRule } from './ledger.js';

const text = z.string();
const need = z.object({ role: text, count: z.int(), reason: text, lends: z.array(text).optional() });
const needsSchema = z.array(need);
const asked = z.object({
  uid: text,
  request: text,
  contentHash: text,
  author: text.nullable(),
  editors: z.array(text),
  needs: needsSchema,
  expiresAt: text,
});
const edited = z.object({ request: text, editors: z.array(text) });
const decided = z.object({
  request: text,
  role: text,
  reason: text.nullable(),
  complete: z.boolean(),
  /** Absent in entries from before it was kept. */
  knownAs: text.nullable().optional(),
  lends: z.array(text).default([]),
  decidedAt: text.optional(),
});
const aboutRequest = z.object({ request: text });
const lapsed = z.object({ request: text, approver: text });
const closed = z.object({ request: text, status: text });
const bypassed = z.object({ request: text, reason: text, breakGlass: text });
const reviewed = z.object({ breakGlass: text, review: text });

const decide =
  (decision: 'approve' | 'refuse'): LedgerRule =>
  (ledger, { actor, details }, by) => {
    const made = decided.safeParse(details).data;
    if (!made) return;
    const { request, role, reason, complete, knownAs, lends, decidedAt } = made;
    const known = { ...(knownAs === undefined ? {} : { knownAs }), ...(decidedAt === undefined ? {} : { decidedAt }) };
    const holds = { request, approver: actor, role, decision, reason, lends, ...known };
    ledger.set('approval_decision', `${request}/${actor}`, holds, by);
    const status = decision === 'refuse' ? 'refused' : complete ? 'granted' : null;
    if (status !== null) ledger.patch('approval_request', request, { status }, by);
  };

/** Takes a decision back; a request that was granted waits again when too few approvals are left. */
function takeBack(ledger: Ledger, { request, approver }: { request: string; approver: string }, by: EntryPlace): void {
  ledger.remove('approval_decision', `${request}/${approver}`);
  const held = ledger.get('approval_request', request);
  if (held?.['status'] !== 'granted') return;
  const left = [...ledger.rows('approval_decision').values()]
    .map(({ holds }) => holds)
    .filter((made) => made['request'] === request && made['decision'] === 'approve');
  const needs = needsSchema.safeParse(held['needs']).data ?? [];
  const lent = new Set(left.flatMap((made) => z.array(text).safeParse(made['lends']).data ?? []));
  const isGranted = needs.every(
    ({ role, count, lends = [] }) =>
      left.filter((made) => made['role'] === role).length >= count && lends.every((right) => lent.has(right)),
  );
  if (!isGranted) ledger.patch('approval_request', request, { status: 'pending' }, by);
}

const close: LedgerRule = (ledger, { details }, by) => {
  const ended = closed.safeParse(details).data;
  if (ended) ledger.patch('approval_request', ended.request, { status: ended.status }, by);
};

export const APPROVAL_RULES: Readonly<Record<string, LedgerRule>> = {
  'approval.requested': (ledger, { details }, by) => {
    const request = asked.safeParse(details).data;
    if (!request) return;
    const { uid: planUid, request: id, ...content } = request;
    ledger.set('approval_request', id, { planUid, ...content, status: 'pending', begun: false }, by);
  },
  'approval.edited': (ledger, { details }, by) => {
    const change = edited.safeParse(details).data;
    if (change) ledger.patch('approval_request', change.request, { editors: change.editors }, by);
  },
  'approval.granted': decide('approve'),
  'approval.refused': decide('refuse'),
  'approval.withdrawn': (ledger, { actor, details }, by) => {
    const request = aboutRequest.safeParse(details).data?.request;
    if (request !== undefined) takeBack(ledger, { request, approver: actor }, by);
  },
  'approval.lapsed': (ledger, { details }, by) => {
    const gone = lapsed.safeParse(details).data;
    if (gone) takeBack(ledger, gone, by);
  },
  'approval.begun': (ledger, { details }, by) => {
    const request = aboutRequest.safeParse(details).data?.request;
    if (request !== undefined) ledger.patch('approval_request', request, { begun: true }, by);
  },
  'approval.expired': close,
  'approval.closed': close,
  'approval.bypassed': (ledger, { actor, details }, by) => {
    const used = bypassed.safeParse(details).data;
    if (!used) return;
    const { request, reason, breakGlass } = used;
    ledger.set('break_glass', breakGlass, { request, usedBy: actor, reason, reviewedBy: null, review: null }, by);
    ledger.patch('approval_request', request, { status: 'granted' }, by);
  },
  'approval.bypassReviewed': (ledger, { actor, details }, by) => {
    const seen = reviewed.safeParse(details).data;
    if (seen) ledger.patch('break_glass', seen.breakGlass, { reviewedBy: actor, review: seen.review }, by);
  },
};
