import { COMMANDS, planSpecSchema, riskBandSchema, STEPS, violationSchema } from '@scc/plan';
import { evidenceSchema } from '@scc/scc/scan';
import { z } from 'zod';
import { receiptSchema } from './receipts.js';

/**
 * The seam between the engine and governance: what the engine asks before it touches anything. Its reports are in
 * `reports.ts`.
 * A migration is addressed by the uid of its plan.
 */

/** A user as the API server authenticated them: all of it is needed to ask what they may do. */
export const clusterIdentitySchema = z.object({
  username: z.string().max(1024),
  uid: z.string().max(1024),
  groups: z.array(z.string()).max(10_000),
  extra: z.record(z.string(), z.array(z.string())),
});

export const planIdentitySchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  generation: z.int(),
  author: z.string().nullable().describe('Who created the plan, as admission saw it; null when unknown.'),
  editors: z
    .array(z.string())
    .max(100)
    .default([])
    .describe('Everybody else who edited what the plan would do, as admission saw it.'),
  authorIdentity: clusterIdentitySchema
    .nullable()
    .default(null)
    .describe('The author, so that their rights can be asked for; null when not recorded.'),
  editorIdentity: clusterIdentitySchema.nullable().default(null).describe('The last of the editors, likewise.'),
  earlierEditors: z
    .array(clusterIdentitySchema)
    .max(100)
    .nullable()
    .default([])
    .describe('The editors before the last one, likewise; null when the record is not one of admission.'),
  createdAt: z.iso
    .datetime({ offset: true })
    .nullable()
    .default(null)
    .describe('Of the plan, and so of the record of its author.'),
  campaign: z
    .object({ name: z.string().max(253), uid: z.string().max(64) })
    .nullable()
    .default(null)
    .describe('The campaign that the plan was made for: its author is that of the plan. Null for a plan of a user.'),
});

/** A right that a plan uses in the name of those who wrote it. */
export const rightHeldSchema = z.object({
  right: z.string().describe('Completes “a user may …”.'),
  heldBy: z.array(z.string()),
  missingFor: z.array(z.string()),
  lentBy: z.array(z.string()).optional().describe('Approvers who lend it, and hold it themselves.'),
});

/** One change of the pod template that the target SCC does not need. */
export const extraSchema = z.object({
  field: z.string().describe('Path in the template, such as spec.containers[web].image.'),
  kind: z.string().describe('The part it touches: image, command, environment, secret, serviceAccount, host, …'),
  change: z.enum(['added', 'changed', 'removed']),
});

const podFactSchema = z.object({
  name: z.string(),
  uid: z.string(),
  scc: z.string().nullable(),
  node: z.string().nullable(),
  ready: z.boolean(),
});

/**
 * The facts that the engine found in the cluster before it asks. Unknown facts are null and widen the risk interval.
 */
export const workloadFactsSchema = z.object({
  workload: z.object({
    kind: z.string(),
    name: z.string(),
    uid: z.string(),
    labels: z.record(z.string(), z.string()),
    replicas: z.int(),
    serviceAccountName: z.string(),
  }),
  namespaceLabels: z.record(z.string(), z.string()),
  pods: z.array(podFactSchema),
  sourceSCC: z.string().nullable(),
  targetSCC: z.string(),
  podTemplate: z.record(z.string(), z.unknown()).describe('The template as it is.'),
  patchedTemplate: z.record(z.string(), z.unknown()).describe('The template as it would be.'),
  services: z.array(z.string()),
  dependents: z.int().nullable().describe('Distinct callers, null when unknown.'),
  requestsPerSecond: z.number().nullable(),
  priorityClassName: z.string().nullable(),
  evidence: z
    .array(evidenceSchema)
    .default([])
    .describe('What was seen of the needs of its containers, with how much was seen.'),
});

export const evaluationRequestSchema = z.object({
  plan: planIdentitySchema,
  spec: planSpecSchema,
  facts: workloadFactsSchema,
  expectedDurationSeconds: z.number().min(0),
  target: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'The objects that the engine would work on, beside the templates: its own words, handed back when it begins.',
    ),
});

const factorSchema = z.object({
  factor: z.string(),
  value: z.number().nullable(),
  contribution: z.number(),
  words: z.string(),
});

export const riskSchema = z.object({
  assessmentId: z.string(),
  modelVersion: z.string(),
  band: riskBandSchema,
  raisedBy: z.enum(['changeRisk', 'exposure', 'both']),
  changeRisk: z.number().min(0).max(1),
  interval: z.tuple([z.number(), z.number()]),
  exposure: z.number().min(0).max(1),
  factors: z.array(factorSchema),
  cheapestChange: z.string().nullable(),
});

export const approvalNeedSchema = z.object({
  role: z.string(),
  count: z.int().min(1),
  reason: z.string(),
  lends: z.array(z.string()).optional().describe('Rights that the author lacks; an approver lends one by naming it.'),
});

/** A result of a policy that did not stop the plan. */
export const recordedVerdictSchema = z.object({
  policy: z.string(),
  binding: z.string(),
  rule: z.string(),
  message: z.string(),
  because: z
    .enum(['warn', 'audit', 'exception'])
    .describe('warn, audit: the binding only says so. exception: one was in force.'),
  would: z.enum(['deny', 'requireApproval']).describe('The effect that enforcing it would have had.'),
});

export const evaluationSchema = z.object({
  verdict: z.enum(['allow', 'deny', 'requireApproval', 'wait']),
  contentHash: z.string().describe('An approval is bound to this: plan, patched template, SCC versions, risk band.'),
  violations: z.array(violationSchema),
  warnings: z.array(z.string()),
  recorded: z.array(recordedVerdictSchema).default([]),
  approvals: z.array(approvalNeedSchema),
  rights: z
    .array(rightHeldSchema)
    .default([])
    .describe('The rights that the plan uses in the name of those who wrote it, and who of them holds each.'),
  extras: z
    .array(extraSchema)
    .default([])
    .describe('Changes of the pod template beyond the needs of the target SCC, field by field.'),
  waitUntil: z.string().nullable().describe('When a freeze or window next allows the migration (RFC 3339).'),
  risk: riskSchema,
  policyRevision: z.string(),
  receipt: receiptSchema,
});

export const approvalStateSchema = z.object({
  status: z.enum(['notRequired', 'pending', 'granted', 'refused', 'expired']),
  needs: z.array(approvalNeedSchema.extend({ granted: z.int(), lent: z.array(z.string()).optional() })),
  by: z.array(z.string()),
  reason: z.string().nullable(),
  expiresAt: z.string().nullable(),
});

export const stepRequestSchema = z.object({
  step: z.enum(STEPS),
  contentHash: z.string(),
  detail: z.string().max(200),
});
/** The parts of a plan that take effect while it runs, beside `suspend`. */
export const livePartsSchema = z.object({
  gates: planSpecSchema.shape.gates,
  traffic: z.object({ interval: planSpecSchema.shape.traffic.unwrap().shape.interval.unwrap() }),
});
export const liveRequestSchema = livePartsSchema.extend({
  generation: z.int(),
  editors: z.array(z.string()).max(100),
});
export const liveVerdictSchema = z.object({
  inForce: livePartsSchema.nullable().describe('The settings that take effect; null leaves everything as it is.'),
  reason: z.string(),
});

export const stepVerdictSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  retryAt: z.string().nullable(),
  waitsFor: z
    .enum(['Window', 'OtherPlan', 'Rights', 'Stopped', 'Reapproval', 'Evaluation'])
    .optional()
    .describe('With retryAt: what the step waits for. Evaluation: the plan has to be evaluated again first.'),
  receipt: receiptSchema,
});

/**
 * The activities of the engine that change the cluster, or whose word the end of a migration rests on. Each begins here
 * before it does anything.
 */
export const GUARDED_ACTIVITIES = [
  ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'createCanary', 'awaitCanary'] as const),
  ...(['prepareRoutes', 'setMirror', 'setWeights', 'hold', 'callWebhooks'] as const),
  ...(['moveOrdinal', 'awaitOrdinal', 'runTrial', 'awaitRun'] as const),
  ...(['stopWorkload', 'changeOwners', 'restoreOwners', 'forgetOwners'] as const),
  ...(['migrateWorkload', 'awaitWorkload', 'awaitStable', 'restoreRoutes', 'removeCanary'] as const),
  ...(['revokeSource', 'summarizeTraffic', 'restoreSourceGrant', 'restoreWorkload'] as const),
  ...(['withdrawTargetGrant', 'compareWithPreImages', 'revokeLater'] as const),
] as const;

/** A run of a workflow, as Temporal tells the worker that works for it. */
export const workflowRunSchema = z.object({ workflowId: z.string().max(1000), runId: z.string().max(100) });

export const beginRequestSchema = workflowRunSchema.extend({
  activityId: z.string().max(100).describe('The same activity of the same run begins once, however often it asks.'),
  activity: z.enum(GUARDED_ACTIVITIES),
  way: z.enum(['forward', 'back']).describe('Whether it carries the migration on or takes it back.'),
  weight: z
    .int()
    .min(0)
    .max(100)
    .nullable()
    .describe('The share that the activity gives to the canary, where it says so.'),
  withoutGovernance: z.iso
    .datetime()
    .nullable()
    .default(null)
    .describe('When an undo did it from its sealed material, while governance did not answer.'),
});
export const beginVerdictSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  sequence: z.int().nullable().describe('The place of the activity among those of the migration; null when refused.'),
  target: z.record(z.string(), z.unknown()).nullable(),
  images: z
    .array(z.object({ key: z.string(), manifest: z.record(z.string(), z.unknown()).nullable() }))
    .describe('The objects as they were before, for an activity that needs them.'),
  mayGrant: z
    .boolean()
    .optional()
    .describe(
      'With grantTarget: whether those who wrote the plan, or who lends to them, may grant the target; otherwise only a grant that the ServiceAccount has already is used.',
    ),
  receipt: receiptSchema.nullable().describe('Null for a refusal that is one of many.'),
});
/** Everything that an undo needs, for when governance does not answer. */
export const undoMaterialSchema = z.object({
  plan: planIdentitySchema.pick({ namespace: true, name: true, uid: true }),
  target: z.record(z.string(), z.unknown()),
  images: z.array(z.object({ key: z.string(), manifest: z.record(z.string(), z.unknown()).nullable() })),
  activities: z.array(z.enum(GUARDED_ACTIVITIES)).describe('The activities that may be done with it.'),
});
export const undoSealSchema = z.object({
  material: undoMaterialSchema,
  note: z
    .string()
    .describe('A C2SP note by the audit key over the SHA-256 (hex) of the canonical JSON of the material.'),
});
/** The text that is signed; its second line keeps it apart from checkpoints and proofs. */
export const undoMaterialText = (origin: string, uid: string, hash: string): string =>
  `${origin}\nundo material ${uid}\n${hash}\n`;
export const doneRequestSchema = workflowRunSchema.extend({ activityId: z.string().max(100) });
export const doneVerdictSchema = z.object({ recorded: z.boolean() });
/** Whether a run has the migration now. */
export const runVerdictSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  target: z.record(z.string(), z.unknown()).nullable().describe('Null while nothing was begun.'),
});

export const commandRequestSchema = z.object({
  command: z.enum(COMMANDS),
  source: z.enum(['signal', 'update', 'deletion', 'suspend']),
  actor: z.string().nullable().describe('The identity that the sender claims; null when unknown.'),
  reason: z.string().max(1000).nullable(),
  token: z.string().nullable().describe('A grant that governance issued to a caller it authenticated.'),
});
export const commandVerdictSchema = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  grantedTo: z.string().nullable().default(null).describe('Whom the token of the command proves; null without one.'),
  receipt: receiptSchema,
});

export type RightHeld = z.infer<typeof rightHeldSchema>;
export type PlanIdentity = z.infer<typeof planIdentitySchema>;
export type WorkloadFacts = z.infer<typeof workloadFactsSchema>;
export type EvaluationRequest = z.infer<typeof evaluationRequestSchema>;
export type Evaluation = z.infer<typeof evaluationSchema>;
export type ApprovalState = z.infer<typeof approvalStateSchema>;
export type ApprovalNeed = z.infer<typeof approvalNeedSchema>;
export type LiveRequest = z.infer<typeof liveRequestSchema>;
export type LiveVerdict = z.infer<typeof liveVerdictSchema>;
export type StepRequest = z.infer<typeof stepRequestSchema>;
export type StepVerdict = z.infer<typeof stepVerdictSchema>;
export type GuardedActivity = (typeof GUARDED_ACTIVITIES)[number];
export type WorkflowRun = z.infer<typeof workflowRunSchema>;
export type BeginRequest = z.infer<typeof beginRequestSchema>;
export type BeginVerdict = z.infer<typeof beginVerdictSchema>;
export type UndoMaterial = z.infer<typeof undoMaterialSchema>;
export type UndoSeal = z.infer<typeof undoSealSchema>;
export type DoneRequest = z.infer<typeof doneRequestSchema>;
export type DoneVerdict = z.infer<typeof doneVerdictSchema>;
export type RunVerdict = z.infer<typeof runVerdictSchema>;
export type CommandRequest = z.infer<typeof commandRequestSchema>;
export type CommandVerdict = z.infer<typeof commandVerdictSchema>;
