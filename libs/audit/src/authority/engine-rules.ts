import { z } from 'zod';
import type { JsonValue } from '../canonical.js';
import { instant } from './instant.js';
import type { LedgerRule } from './ledger.js';

const text = z.string();
const json: z.ZodType<JsonValue> = z.json();

const begun = z.object({
  ...{ uid: text, sequence: z.int(), workflowId: text, runId: text, activityId: text, activity: text, way: text },
  weight: z.int().nullable(),
  withoutGovernance: text.optional(),
});
const claimed = z.object({ uid: text, kind: text, name: text });
const released = z.object({ uid: text });
const fitted = z.object({ kind: text, parent: z.int().nullable(), trainedTo: z.int().nullable(), contentHash: text });
const promoted = z.object({ previous: z.int().nullable(), reason: text, evidence: json });
/** The hash is absent in entries from before it was kept. */
const observed = z.object({ version: text, contentHash: text });

/** The effect of actions of the engine, of the risk models and of the registry of SCCs on the rows. */
export const ENGINE_RULES: Readonly<Record<string, LedgerRule>> = {
  'activity.begun': (ledger, { id, details }, by) => {
    const activity = begun.safeParse(details).data;
    if (!activity) return;
    const { uid, sequence, withoutGovernance, ...holds } = activity;
    const at = withoutGovernance === undefined ? null : instant(withoutGovernance);
    ledger.set('activity_begin', `${uid} ${sequence}`, { ...holds, withoutGovernance: at, entry: id }, by);
  },
  'workload.claimed': (ledger, { namespace, details }, by) => {
    const claim = claimed.safeParse(details).data;
    if (claim) ledger.set('workload_claim', claim.uid, { namespace, kind: claim.kind, name: claim.name }, by);
  },
  'workload.released': (ledger, { details }) => {
    const uid = released.safeParse(details).data?.uid;
    if (uid !== undefined) ledger.remove('workload_claim', uid);
  },
  'risk.modelFitted': (ledger, { id, name, details }, by) => {
    const model = fitted.safeParse(details).data;
    if (model && name !== null) ledger.set('risk_model', name, { ...model, content: model.contentHash, entry: id }, by);
  },
  'risk.modelPromoted': (ledger, { id, name, actor, details }, by) => {
    const promotion = promoted.safeParse(details).data;
    if (promotion && name !== null)
      ledger.set('risk_promotion', id, { model: name, ...promotion, promotedBy: actor }, by);
  },
  'scc.observed': (ledger, { name, details }, by) => {
    const seen = observed.safeParse(details).data;
    if (!seen) return;
    const { version, contentHash } = seen;
    ledger.set('scc_version', version, { name, contentHash, content: contentHash }, by);
  },
};
