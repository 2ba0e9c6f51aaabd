import { COMMANDS, phaseSchema, planSpecSchema, STRATEGIES, stableSideSchema, trafficSummarySchema } from '@scc/plan';
import { z } from 'zod';
import {
  approvalNeedSchema,
  approvalStateSchema,
  evaluationSchema,
  recordedVerdictSchema,
  rightHeldSchema,
  workloadFactsSchema,
} from './engine.js';
import { shownSampleSchema } from './samples.js';

/** The payloads of people, dashboards and the command line. */

const time = z.iso.datetime();

/** One page of a list; `nextCursor` is null on the last one. */
export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** A list that is always answered whole. */
export const itemsSchema = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) });

export const migrationSummarySchema = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  phase: phaseSchema,
  message: z.string(),
  sourceSCC: z.string().nullable(),
  targetSCC: z.string().nullable(),
  author: z.string().nullable(),
  workload: z.object({ kind: z.string(), name: z.string() }).nullable(),
  risk: z.object({ band: z.string(), changeRisk: z.number().nullable(), exposure: z.number().nullable() }).nullable(),
  strategy: z.enum(STRATEGIES).nullable().describe('How the workload is moved; null until the plan was checked.'),
  weight: z.int(),
  waitingFor: z.string().nullable(),
  outcome: z.string().nullable(),
  undoCause: z.string().nullable(),
  traffic: trafficSummarySchema.nullable(),
  workflowId: z.string().nullable(),
  runId: z.string().nullable(),
  startedAt: time,
  finishedAt: time.nullable(),
  updatedAt: time,
  events: z.int(),
});

const migrationPodSchema = z.object({
  uid: z.string(),
  name: z.string(),
  node: z.string().nullable(),
  role: z.enum(['before', 'canary', 'after']),
  scc: z.string().nullable(),
});

export const migrationDetailSchema = migrationSummarySchema.extend({
  gates: z.array(shownSampleSchema),
  weights: z.array(z.object({ canary: z.int(), stable: z.int(), verifiedBy: z.string(), at: time })),
  pods: z.array(migrationPodSchema),
});

export const stepRecordSchema = z.object({
  id: z.string(),
  step: z.string(),
  detail: z.string(),
  allowed: z.boolean(),
  reason: z.string(),
  entryId: z.string(),
  decidedAt: time,
});

export const eventRecordSchema = z.object({
  workflowId: z.string(),
  runId: z.string(),
  sequence: z.int(),
  phase: z.string(),
  at: time,
  event: z.record(z.string(), z.unknown()),
  entryId: z.string(),
});

const provedEntrySchema = z.object({
  entryId: z.string(),
  body: z.base64().describe('The bytes that were hashed.'),
  leafHash: z.string(),
  index: z.int().nullable().describe('Null until the entry is sealed.'),
  path: z.array(z.string()).nullable().describe('From the entry to the root that the checkpoint signs.'),
});

const approvalRecordSchema = z.object({
  contentHash: z.string(),
  status: z.string(),
  needs: z.array(approvalNeedSchema),
  requestedAt: time,
  expiresAt: time,
  decisions: z.array(
    z.object({
      approver: z.string(),
      role: z.string(),
      decision: z.string(),
      reason: z.string().nullable(),
      at: time,
    }),
  ),
});

/** One document about one migration, and a C2SP note by the audit key over its canonical JSON. */
export const signedProofSchema = z.object({
  document: z.object({
    version: z.literal(2),
    generatedAt: time,
    plan: z.object({ uid: z.string(), namespace: z.string(), name: z.string(), author: z.string().nullable() }),
    asked: z.object({ spec: planSpecSchema, facts: workloadFactsSchema }).nullable(),
    answered: evaluationSchema.omit({ receipt: true }).extend({ entryId: z.string(), evaluatedAt: time }).nullable(),
    approvals: z.array(approvalRecordSchema),
    steps: z.array(stepRecordSchema.omit({ id: true })),
    events: z.array(eventRecordSchema),
    outcome: migrationSummarySchema
      .pick({ phase: true, outcome: true, traffic: true, finishedAt: true })
      .extend({ startedAt: time.nullable(), stableSide: stableSideSchema.optional() }),
    pods: z.array(migrationPodSchema),
    audit: z.object({ checkpoint: z.string().nullable(), entries: z.array(provedEntrySchema) }),
  }),
  signature: z.string(),
});

export const commandGrantRequestSchema = z.object({
  command: z.enum(COMMANDS),
  reason: z.string().max(1000).nullable().default(null),
});
export type CommandGrantRequest = z.infer<typeof commandGrantRequestSchema>;
export const commandGrantSchema = z.object({
  token: z.string().describe('Good for one use; send it with the command.'),
  expiresAt: time,
});

/** Whether a migration took a command, and why. */
export const commandOutcomeSchema = z.object({ applied: z.boolean(), reason: z.string() });

export const approvalDecisionSchema = z.object({
  decision: z.enum(['approve', 'refuse']),
  contentHash: z
    .string()
    .length(64)
    .describe('The content that the approver looked at; anything else is not approved.'),
  role: z.string().min(1).max(63).optional().describe('In which role; the first open one that the caller holds.'),
  reason: z.string().max(2048).optional(),
  lends: z
    .array(z.string().max(1000))
    .max(10)
    .optional()
    .describe('The rights that the approver lends to the author, in the words of the needs; they must hold each.'),
});

/** Everything that an approver needs to decide, in one answer. */
export const approvalViewSchema = approvalStateSchema.extend({
  contentHash: z.string().describe('The content that a decision is about; it has to name it.'),
  verdict: evaluationSchema.shape.verdict,
  author: z.string().nullable(),
  editors: z.array(z.string()).describe('Count as authors.'),
  violations: evaluationSchema.shape.violations,
  warnings: z.array(z.string()),
  risk: z.object({ band: z.string(), changeRisk: z.number(), exposure: z.number() }),
  rights: z
    .object({
      serviceAccountName: z.string(),
      sourceSCC: z.string().nullable(),
      targetSCC: z.string(),
      relation: z.string().describe('How the target relates to the source: narrower, wider, …'),
      gains: z.array(z.string()).describe('Rights that the target gives and the source does not.'),
      losses: z.array(z.string()),
      uses: z
        .array(rightHeldSchema)
        .describe('The rights that the plan uses in the name of those who wrote it, and who of them holds each.'),
    })
    .describe('As what the pods would run, and what that permits.'),
  extras: evaluationSchema.shape.extras,
  recorded: evaluationSchema.shape.recorded.describe('What policies said that does not stand in the way.'),
  plan: z.object({ uid: z.string(), namespace: z.string(), name: z.string() }),
  workload: z.object({ kind: z.string(), name: z.string(), replicas: z.int(), services: z.array(z.string()) }),
  grants: z.array(z.string()).describe('The grants of SCCs that the migration makes and takes away, in words.'),
  traffic: planSpecSchema.shape.traffic,
  gates: planSpecSchema.shape.gates.describe('What has to hold while requests move.'),
  rollback: planSpecSchema.shape.rollback,
  window: z.object({
    notBefore: z.string().nullable(),
    windows: planSpecSchema.shape.schedule.unwrap().shape.windows.describe('Of the plan; the calendar has its own.'),
    expectedDurationSeconds: z.number(),
    mayStartAt: time.nullable().describe('When freezes and windows let it begin; null when they do now, or never.'),
    reason: z.string(),
  }),
  deadline: time.nullable().describe('Until when a decision counts; null when none is open, or a migration began.'),
  diff: z
    .array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() }))
    .describe('How the pod template would change; paths are JSON pointers.'),
});

export const approvalSummarySchema = approvalStateSchema.extend({
  id: z.string(),
  plan: z.object({ uid: z.string(), namespace: z.string(), name: z.string(), author: z.string().nullable() }),
  contentHash: z.string().describe('The content that a decision is about; it has to name it.'),
  requestedAt: time,
});

export const policyVerdictSchema = recordedVerdictSchema.extend({
  id: z.string(),
  plan: z.object({ uid: z.string(), namespace: z.string(), name: z.string() }),
  contentHash: z.string(),
  entryId: z.string().describe('The audit entry of the evaluation.'),
  evaluatedAt: time,
});

export const trackedPodSchema = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  scc: z.string().nullable(),
  version: z.string().nullable().describe('Of the SCC, when the pod was first seen under it.'),
  subjectType: z.string().nullable(),
  image: z.string().nullable(),
  node: z.string().nullable(),
  owner: z.object({ kind: z.string(), name: z.string() }).nullable(),
  plan: z.string().nullable(),
  firstSeen: time,
  lastSeen: time,
  goneAt: time.nullable(),
  confirmed: z.boolean().describe('False while only admission has told of the pod.'),
});

export const podCountSchema = z.object({ scc: z.string().nullable(), pods: z.int() });
export const podHistorySchema = z.object({
  at: time,
  counts: z.array(podCountSchema).describe('SCCs without pods at that time are left out.'),
});

export const podTransitionSchema = z.object({
  at: time,
  change: z.enum(['appeared', 'changed', 'gone']),
  from: z.string().nullable(),
  to: z.string().nullable(),
  node: z.string().nullable(),
});

export const sccVersionSchema = z.object({
  id: z.string(),
  name: z.string(),
  content: z.record(z.string(), z.unknown()).describe('The SecurityContextConstraints as they were.'),
  contentHash: z.string(),
  firstSeen: time,
  present: z.boolean(),
});

export const sccDriftSchema = z.object({
  name: z.string(),
  version: z.string(),
  present: z.boolean().describe('False for a content that the cluster has no more, while pods still run under it.'),
  pods: z.int().describe('How many run under this content now.'),
  relation: z
    .enum(['equal', 'narrower', 'wider', 'incomparable', 'custom'])
    .describe("How the content relates to OpenShift's default of that name; custom: there is none."),
  changedFields: z.array(z.string()),
});

export const affectedSchema = z.object({
  workloads: z.array(
    z.object({
      ...{ namespace: z.string(), kind: z.string(), name: z.string(), since: time },
      pods: z.int().describe('How many of its pods run under the version; 0 when none of it is known to run.'),
    }),
  ),
  pods: z.int(),
});

const activationSchema = z.object({
  scc: z.string(),
  version: z.string().nullable(),
  planUid: z.string().nullable(),
  actor: z.string().nullable().describe('Without a plan: the user, where admission saw the write.'),
  manager: z
    .string()
    .nullable()
    .describe('Without a plan: the field manager that wrote what the pods were started from.'),
  reason: z
    .enum(['observed', 'migrated', 'restored', 'changed', 'sccEdited'])
    .describe('changed: without a plan. sccEdited: the SCC was edited, and the pods were started again since.'),
  activatedAt: time,
  deactivatedAt: time.nullable(),
  deactivatedAfter: time
    .nullable()
    .describe('Where its end was not watched: it came between this and deactivatedAt. Null where it was.'),
  deactivatedBy: z.string().nullable(),
});

const podsUnderSchema = z.object({ scc: z.string().nullable(), version: z.string().nullable(), pods: z.int() });

export const workloadHistorySchema = z.object({
  items: z.array(activationSchema),
  mixtures: z
    .array(
      z.object({
        ...{ from: time, to: time.nullable(), pods: z.array(podsUnderSchema) },
        toAfter: time.nullable().describe('Where its end was not watched: it came between this and to.'),
      }),
    )
    .describe('When its pods ran under several contents side by side, such as during a rollout, newest first.'),
});

export const workloadSCCSchema = activationSchema.extend({
  scc: z.string().nullable().describe('Null when its pods ran under none.'),
  observed: z
    .array(
      podsUnderSchema.extend({
        mayHaveEnded: z.int().describe('How many of them may have ended before: nothing watched their end.'),
      }),
    )
    .describe('Under what its pods ran then: several during a rollout.'),
  uncertain: z
    .object({ from: time, to: time, versions: z.array(z.string().nullable()) })
    .nullable()
    .describe(
      'Where a pod was started while nothing followed the SCCs, and its SCC was another afterwards: between which times the change came, and the versions before and after.',
    ),
});

export type ApprovalDecision = z.infer<typeof approvalDecisionSchema>;
export type ApprovalView = z.infer<typeof approvalViewSchema>;
