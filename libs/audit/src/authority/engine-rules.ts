import { z } from 'zod';
import type { JsonValue } from '../canonical.js';
import { instant } from './instant.js';
import type { EntryPlace, Ledger, LedgerRule } from './ledger.js';
import type { AuthorityEntry } from './rows.js';
import { read } from './reading.js';
import { saved, written } from './written.js';

const text = z.string();
const json: z.ZodType<JsonValue> = z.json();

const begun = z.object({
  ...{ uid: text, sequence: z.int(), workflowId: text, runId: text, activityId: text, activity: text, way: text },
  weight: z.int().nullable(),
  withoutGovernance: text.optional(),
});
const claimed = z.object({ uid: text, kind: text, name: text });
const released = z.object({ uid: text });
const fitted = z.object({
  ...{ kind: text, parent: z.int().nullable(), trainedTo: z.int().nullable(), contentHash: text },
  /** Absent in entries from before it was kept. */
  promotion: z.int().nullable().optional(),
  featureSchema: z.int().optional(),
});
const promoted = z.object({ previous: z.int().nullable(), reason: text, evidence: json });
/** The hash is absent in entries from before it was kept. */
const observed = z.object({ version: text, contentHash: text, firstSeen: text.optional() });
/** The rows that began and ended; absent in entries from before they were compared. */
const present = z.object({
  presence: z.object({ id: text, at: text, unseenFrom: text.nullable() }).nullable(),
  ended: z.object({ id: text, at: text }).nullable(),
});
const done = z.object({ uid: text, sequence: z.int(), at: text });
const refusedBegin = z.object({ uid: text });
const run = z.object({ uid: text, workflowId: text, runId: text });
const takenOver = run.extend({ way: text, handedOver: z.boolean() });
const ended = run.extend({ sequence: z.int(), phase: text, at: text, event: text, reason: text.nullable() });
/** Rows of the registry as they are since. Absent in entries from before they were compared. */
const activations = z.object({ activations: z.array(z.object({ id: text, holds: z.record(text, json) })) });
const receiver = z.object({
  ...{ type: text, url: text.nullable(), urlSecret: text.nullable(), signingSecret: text.nullable() },
  ...{ namespaces: z.array(text), kinds: z.array(text), template: text.nullable() },
});

/** Which content of an SCC the cluster had when. */
function followPresence(ledger: Ledger, { name, details }: AuthorityEntry, by: EntryPlace): void {
  const change = read(present, details);
  if (!change) return;
  if (change.ended) ledger.patch('scc_presence', change.ended.id, { to: change.ended.at }, by);
  if (!change.presence) return;
  const { id, at: from, unseenFrom } = change.presence;
  const version = read(observed, details)?.version ?? null;
  ledger.set('scc_presence', id, { name, version, from, to: null, unseenFrom }, by);
}

const enterActivations: LedgerRule = (ledger, { details }, by) => {
  for (const { id, holds } of read(activations, details)?.activations ?? [])
    ledger.set('scc_activation', id, holds, by);
};

/** An end that was reported, whether it counts or not. */
const endMigration: LedgerRule = (ledger, { details }, by) => {
  const end = read(ended, details);
  if (!end) return;
  const { uid: planUid, workflowId, runId, sequence, phase, at, event, reason: untrusted } = end;
  ledger.set('migration_end', `${workflowId} ${runId} ${sequence}`, { planUid, phase, at, event, untrusted }, by);
};

/** The effect of actions of the engine, of the risk models and of the registry of SCCs on the rows. */
export const ENGINE_RULES: Readonly<Record<string, LedgerRule>> = {
  'activity.begun': (ledger, { id, details }, by) => {
    const activity = read(begun, details);
    if (!activity) return;
    const { uid, sequence, withoutGovernance, ...holds } = activity;
    const at = withoutGovernance === undefined ? null : instant(withoutGovernance);
    const since = { withoutGovernance: at, entry: id, ...written(details, 'begunAt') };
    ledger.set('activity_begin', `${uid} ${sequence}`, { ...holds, ...since }, by);
  },
  'workload.claimed': (ledger, { namespace, details }, by) => {
    const claim = read(claimed, details);
    if (!claim) return;
    const { uid, ...of } = claim;
    ledger.set('workload_claim', uid, { namespace, ...of, ...written(details, 'claimedAt') }, by);
  },
  'workload.released': (ledger, { details }) => {
    const uid = read(released, details)?.uid;
    if (uid !== undefined) ledger.remove('workload_claim', uid);
  },
  'risk.modelFitted': (ledger, { id, name, details }, by) => {
    const model = read(fitted, details);
    if (!model || name === null) return;
    const { promotion, featureSchema, ...fit } = model;
    const challenges = {
      ...(promotion === undefined ? {} : { promotion }),
      ...(featureSchema === undefined ? {} : { featureSchema }),
      ...written(details, 'createdAt'),
    };
    ledger.set('risk_model', name, { ...fit, ...challenges, content: model.contentHash, entry: id }, by);
  },
  'risk.modelPromoted': (ledger, { id, name, actor, details }, by) => {
    const promotion = read(promoted, details);
    if (promotion && name !== null)
      ledger.set(
        'risk_promotion',
        id,
        { model: name, ...promotion, promotedBy: actor, ...written(details, 'promotedAt') },
        by,
      );
  },
  'scc.observed': (ledger, entry, by) => {
    const { name, details } = entry;
    const seen = read(observed, details);
    if (!seen) return;
    const { version, contentHash, firstSeen } = seen;
    // A content that comes back was seen first before.
    const since = ledger.get('scc_version', version)?.['firstSeen'] ?? firstSeen;
    const holds = { name, contentHash, content: contentHash, ...(since === undefined ? {} : { firstSeen: since }) };
    ledger.set('scc_version', version, holds, by);
    followPresence(ledger, entry, by);
  },
  'scc.gone': followPresence,
  'workload.sccObserved': enterActivations,
  'workload.sccChanged': enterActivations,
  'workload.sccRecorded': enterActivations,
  'workload.gone': enterActivations,
  'activity.done': (ledger, { details }, by) => {
    const activity = read(done, details);
    if (activity) ledger.set('activity_done', `${activity.uid} ${activity.sequence}`, { at: activity.at }, by);
  },
  'activity.refused': (ledger, { id, details }, by) => {
    const refused = read(refusedBegin, details);
    if (refused) ledger.set('activity_refusal', id, { planUid: refused.uid, ...written(details, 'refusedAt') }, by);
  },
  'migration.runTaken': (ledger, { details }, by) => {
    const taken = read(takenOver, details);
    if (!taken) return;
    const { uid, ...holds } = taken;
    ledger.set('migration_run', uid, { ...holds, ...written(details, 'takenAt') }, by);
  },
  'migration.handedOver': (ledger, { details }, by) => {
    const over = read(run, details);
    if (over) ledger.patch('migration_run', over.uid, { handedOver: true }, by);
  },
  'migration.ended': endMigration,
  'migration.untrusted': endMigration,
  'notification.receiverSaved': (ledger, { name, actor, details }, by) => {
    const kept = read(receiver, details);
    if (kept && name !== null)
      ledger.set('notification_receiver', name, { ...kept, changedBy: actor, ...saved(details) }, by);
  },
  'notification.receiverRemoved': (ledger, { name }) => {
    if (name !== null) ledger.remove('notification_receiver', name);
  },
};
