import { z } from 'zod';
import type { EntryPlace, Ledger, LedgerRule } from './ledger.js';
import type { Holds } from './rows.js';
import { read } from './reading.js';
import { change, timed, written } from './written.js';

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
  /** Why the same is asked again. Absent in entries from before it was kept. */
  asked: text.nullable().optional(),
});
const edited = z.object({ request: text, editors: z.array(text) });
const decided = z.object({
  request: text,
  role: text,
  reason: text.nullable(),
  complete: z.boolean(),
  /** What the request says of its end. Absent in entries from before it was kept. */
  closing: text.nullable().optional(),
  /** Absent in entries from before it was kept. */
  knownAs: text.nullable().optional(),
  lends: z.array(text).default([]),
  decidedAt: text.optional(),
});
const aboutRequest = z.object({ request: text });
const lapsed = z.object({ request: text, approver: text });
const closed = z.object({ request: text, status: text, reason: text.optional() });
const bypassed = z.object({ request: text, reason: text, breakGlass: text, closing: text.optional() });
const reviewed = z.object({ breakGlass: text, review: text });

const decide =
  (decision: 'approve' | 'refuse'): LedgerRule =>
  (ledger, { actor, details }, by) => {
    const made = read(decided, details);
    if (!made) return;
    const { request, role, reason, complete, closing, knownAs, lends, decidedAt } = made;
    const known = { ...(knownAs === undefined ? {} : { knownAs }), ...(decidedAt === undefined ? {} : { decidedAt }) };
    const holds = { request, approver: actor, role, decision, reason, lends, ...known };
    ledger.set('approval_decision', `${request}/${actor}`, holds, by);
    const status = decision === 'refuse' ? 'refused' : complete ? 'granted' : null;
    if (status !== null) endRequest(ledger, request, { status, reason: closing, at: decidedAt }, by);
  };

/** Changes a request, which counts its changes. */
const changeRequest = (ledger: Ledger, key: string, changed: { holds: Holds; times?: Holds }, by: EntryPlace): void => {
  change(ledger, { table: 'approval_request', key, ...changed, counter: 'version' }, by);
};

/** A request that was decided once keeps the time of that. */
function endRequest(
  ledger: Ledger,
  request: string,
  { status, reason, at }: { status: string; reason: string | null | undefined; at: string | undefined },
  by: EntryPlace,
): void {
  const held = ledger.get('approval_request', request)?.['decidedAt'] ?? at;
  const times = { ...(held === undefined ? {} : { decidedAt: held }), ...(reason === undefined ? {} : { reason }) };
  changeRequest(ledger, request, { holds: { status }, times }, by);
}

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
  if (!isGranted) changeRequest(ledger, request, { holds: { status: 'pending' }, times: { decidedAt: null } }, by);
}

const close: LedgerRule = (ledger, { details }, by) => {
  const ended = read(closed, details);
  if (!ended) return;
  const { request, status, reason } = ended;
  endRequest(ledger, request, { status, reason, at: read(timed, details)?.at }, by);
};

export const APPROVAL_RULES: Readonly<Record<string, LedgerRule>> = {
  'approval.requested': (ledger, { details }, by) => {
    const request = read(asked, details);
    if (!request) return;
    const { uid: planUid, request: id, asked: reason = null, ...content } = request;
    const unset = { begunAt: null, decidedAt: null, reason, version: 1 };
    const since = { status: 'pending', begun: false, ...written(details, 'requestedAt', unset) };
    ledger.set('approval_request', id, { planUid, ...content, ...since }, by);
  },
  'approval.edited': (ledger, { details }, by) => {
    const made = read(edited, details);
    if (made) changeRequest(ledger, made.request, { holds: { editors: made.editors } }, by);
  },
  'approval.granted': decide('approve'),
  'approval.refused': decide('refuse'),
  'approval.withdrawn': (ledger, { actor, details }, by) => {
    const request = read(aboutRequest, details)?.request;
    if (request !== undefined) takeBack(ledger, { request, approver: actor }, by);
  },
  'approval.lapsed': (ledger, { details }, by) => {
    const gone = read(lapsed, details);
    if (gone) takeBack(ledger, gone, by);
  },
  'approval.begun': (ledger, { details }, by) => {
    const request = read(aboutRequest, details)?.request;
    const changed = { holds: { begun: true }, times: written(details, 'begunAt') };
    if (request !== undefined) changeRequest(ledger, request, changed, by);
  },
  'approval.expired': close,
  'approval.closed': close,
  'approval.bypassed': (ledger, { actor, details }, by) => {
    const used = read(bypassed, details);
    if (!used) return;
    const { request, reason, breakGlass } = used;
    const holds = { request, usedBy: actor, reason, reviewedBy: null, review: null };
    ledger.set('break_glass', breakGlass, { ...holds, ...written(details, 'usedAt', { reviewedAt: null }) }, by);
    const at = read(timed, details)?.at;
    endRequest(ledger, request, { status: 'granted', reason: used.closing, at }, by);
  },
  'approval.bypassReviewed': (ledger, { actor, details }, by) => {
    const seen = read(reviewed, details);
    if (!seen) return;
    const holds = { reviewedBy: actor, review: seen.review };
    const times = written(details, 'reviewedAt');
    change(ledger, { table: 'break_glass', key: seen.breakGlass, holds, times }, by);
  },
};
