import { z } from 'zod';
import type { JsonValue } from '../canonical.js';
import { APPROVAL_RULES } from './approval-rules.js';
import { ENGINE_RULES } from './engine-rules.js';
import { EVALUATION_RULES } from './evaluation-rules.js';
import type { EntryPlace, Ledger, LedgerRule } from './ledger.js';
import { instant } from './instant.js';
import { AUTHORITY_TABLES, type Holds } from './rows.js';
import { read } from './reading.js';
import { change, saved, written } from './written.js';

const text = z.string();
const texts = z.array(z.string());
const json: z.ZodType<JsonValue> = z.json();
const holdsSchema: z.ZodType<Holds> = z.record(z.string(), json);

const granted = z.object({
  role: text,
  subject: z.object({ kind: text, name: text }),
  namespaces: text,
});
const savedVersion = z.object({ version: z.int(), contentHash: text });
const bound = z.object({
  policy: text,
  version: z.int(),
  action: text,
  parameters: json,
  namespaces: texts,
  kinds: texts,
});
const requested = z.object({
  id: text,
  policy: text,
  target: z.object({ namespace: text, kind: text, name: text }),
  reason: text,
  expiresAt: text,
});
const identified = z.object({ id: text });
const calendarEntry = z.object({
  kind: text,
  reason: text,
  namespaces: texts,
  label: z.object({ key: text, value: text }).nullable(),
  timeZone: text,
  recurrence: json,
});
const stopped = z.object({ takeBack: z.boolean(), reason: text });
const lifted = z.object({ reason: text });
const token = z.object({
  ...{ uid: text, command: text, expiresAt: text, token: text },
  reason: text.nullable().optional(),
});
const redeemed = z.object({ redeemed: text });
const images = z.object({
  uid: text,
  workflowId: text,
  images: z.array(z.object({ key: text, order: z.int(), manifest: text.nullable() })),
});
const liveEdit = z.object({
  uid: text,
  generation: z.int(),
  contentHash: text,
  loosened: texts,
  needs: json,
  /** Absent in entries from before it was kept. */
  partsHash: text.optional(),
});
const accepted = z.object({
  rows: z.array(z.object({ table: z.enum(AUTHORITY_TABLES), key: text, holds: holdsSchema.nullable() })),
});

const saveCalendar: LedgerRule = (ledger, { name, actor, details }, by) => {
  const entry = read(calendarEntry, details);
  if (entry && name !== null) ledger.set('calendar_entry', name, { ...entry, changedBy: actor, ...saved(details) }, by);
};
const removeCalendar: LedgerRule = (ledger, { name }) => {
  if (name !== null) ledger.remove('calendar_entry', name);
};
function changeException(
  ledger: Ledger,
  details: unknown,
  { holds, time, counter }: { holds: Holds; time: string; counter?: string },
  by: EntryPlace,
): void {
  const key = read(identified, details)?.id;
  const changed = { holds, times: written(details, time), ...(counter === undefined ? {} : { counter }) };
  if (key !== undefined) change(ledger, { table: 'policy_exception', key, ...changed }, by);
}
/** Somebody looked at rows that no entry made, or that differ, and answers for them as they are. */
const accept: LedgerRule = (ledger, { details }, by) => {
  for (const { table, key, holds } of read(accepted, details)?.rows ?? [])
    if (holds) ledger.set(table, key, holds, by);
    else ledger.remove(table, key);
};

/** The effect of each action on the rows. */
export const RULES: Readonly<Record<string, LedgerRule>> = {
  ...APPROVAL_RULES,
  ...ENGINE_RULES,
  ...EVALUATION_RULES,
  'access.granted': (ledger, { name, actor, details }, by) => {
    const binding = read(granted, details);
    if (!binding || name === null) return;
    const { role, subject, namespaces } = binding;
    const holds = { role, subjectKind: subject.kind, subjectName: subject.name, namespaces, createdBy: actor };
    ledger.set('role_binding', name, { ...holds, ...written(details, 'createdAt') }, by);
  },
  'access.revoked': (ledger, { name }) => {
    if (name !== null) ledger.remove('role_binding', name);
  },
  'policy.saved': (ledger, { name, actor, details }, by) => {
    const version = read(savedVersion, details);
    if (!version || name === null) return;
    const { contentHash } = version;
    ledger.set(
      'policy_version',
      `${name}/${version.version}`,
      { contentHash, content: contentHash, author: actor, ...written(details, 'createdAt') },
      by,
    );
  },
  'policy.bound': (ledger, { name, actor, details }, by) => {
    const binding = read(bound, details);
    if (binding && name !== null)
      ledger.set('policy_binding', name, { ...binding, changedBy: actor, ...saved(details) }, by);
  },
  'policy.unbound': (ledger, { name }) => {
    if (name !== null) ledger.remove('policy_binding', name);
  },
  'exception.requested': (ledger, { actor, details }, by) => {
    const asked = read(requested, details);
    if (!asked) return;
    const { id, policy, target, reason, expiresAt } = asked;
    const persons = { requestedBy: actor, approvedBy: null, revokedBy: null };
    const times = { approvedAt: null, revokedAt: null, expiredAt: null };
    const since = written(details, 'requestedAt', { ...times, rowVersion: 1 });
    const holds = { policy, ...target, reason, expiresAt: instant(expiresAt), ...persons, ...since };
    ledger.set('policy_exception', id, holds, by);
  },
  'exception.approved': (ledger, { actor, details }, by) => {
    changeException(ledger, details, { holds: { approvedBy: actor }, time: 'approvedAt', counter: 'rowVersion' }, by);
  },
  'exception.revoked': (ledger, { actor, details }, by) => {
    changeException(ledger, details, { holds: { revokedBy: actor }, time: 'revokedAt', counter: 'rowVersion' }, by);
  },
  'exception.expired': (ledger, { details }, by) => {
    changeException(ledger, details, { holds: {}, time: 'expiredAt' }, by);
  },
  'calendar.freezeSaved': saveCalendar,
  'calendar.windowSaved': saveCalendar,
  'calendar.freezeRemoved': removeCalendar,
  'calendar.windowRemoved': removeCalendar,
  'stop.set': (ledger, { name, namespace, actor, details }, by) => {
    const stop = read(stopped, details);
    if (stop && name !== null)
      ledger.set(
        'emergency_stop',
        name,
        {
          ...{ namespace, ...stop, stoppedBy: actor, liftedBy: null, liftReason: null },
          ...written(details, 'stoppedAt', { liftedAt: null }),
        },
        by,
      );
  },
  'stop.lifted': (ledger, { name, actor, details }, by) => {
    const why = read(lifted, details);
    const holds = { liftedBy: actor, liftReason: why?.reason ?? '' };
    const times = written(details, 'liftedAt');
    if (why && name !== null) change(ledger, { table: 'emergency_stop', key: name, holds, times }, by);
  },
  'command.granted': (ledger, { actor, details }, by) => {
    const grant = read(token, details);
    if (!grant) return;
    const { uid, command, expiresAt, reason } = grant;
    const said = reason === undefined ? {} : { reason };
    ledger.set('command_grant', grant.token, { planUid: uid, command, actor, expiresAt, ...said, used: false }, by);
  },
  'command.allowed': (ledger, { details }, by) => {
    const used = read(redeemed, details);
    if (used) ledger.patch('command_grant', used.redeemed, { used: true }, by);
  },
  'preImages.recorded': (ledger, { details }, by) => {
    const recorded = read(images, details);
    if (!recorded) return;
    const { uid, workflowId } = recorded;
    for (const { key, order, manifest } of recorded.images)
      ledger.set('pre_image', `${uid} ${key}`, { workflowId, order, manifest, ...written(details, 'recordedAt') }, by);
  },
  'plan.liveEdited': (ledger, { details }, by) => {
    const edit = read(liveEdit, details);
    if (!edit) return;
    const { uid, generation, contentHash, loosened, needs, partsHash } = edit;
    const since = { ...(partsHash === undefined ? {} : { parts: partsHash }), ...written(details, 'editedAt') };
    ledger.set('live_edit', `${uid} ${generation} ${contentHash}`, { loosened, needs, ...since }, by);
  },
  'record.adopted': accept,
  'record.answered': accept,
};

/** The actions that rows of authority come from. */
export const AUTHORITY_ACTIONS: readonly string[] = Object.keys(RULES);
