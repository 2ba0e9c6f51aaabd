import { z } from 'zod';
import { heldRightSchema, phaseSchema, riskBandSchema, violationSchema, wayInSchema } from './schema.js';
import { STRATEGIES } from './strategies.js';
import { chosenStrategySchema } from './strategy-schema.js';
import { WAIT_REASONS } from './waits.js';

const podSCCSchema = z.object({
  name: z.string(),
  uid: z.string(),
  scc: z.string().nullable(),
  node: z.string().nullable(),
});
const routeWeightSchema = z.object({ canary: z.int().min(0).max(100), stable: z.int().min(0).max(100) });

const wayShareSchema = z.object({ kind: z.string(), name: z.string(), share: z.number().min(0).max(100) });

/** A policy's words that did not stop a plan, and why they did not. */
const policyVerdictSchema = z.object({
  policy: z.string(),
  because: z.enum(['warn', 'audit', 'exception']),
  would: z.enum(['deny', 'requireApproval']),
  message: z.string(),
});
export type PolicyVerdictSaid = z.infer<typeof policyVerdictSchema>;

/** What the callers of one side met while a weight was held; null where nothing counts it. */
const sideFiguresSchema = z.object({
  perSecond: z.number().nullable().describe('Requests.'),
  successRate: z.number().nullable().describe('In percent of the tries.'),
  p99Ms: z.number().nullable(),
});
export type SideFigures = z.infer<typeof sideFiguresSchema>;
export const bothSidesSchema = z.object({ canary: sideFiguresSchema, stable: sideFiguresSchema });

/** One sample of a gate. `noData` is a verdict of its own and never a success. */
export const gateSampleSchema = z.object({
  gate: z.string(),
  verdict: z.enum(['pass', 'fail', 'noData']),
  value: z.number().nullable(),
  detail: z.string(),
  at: z.string(),
  /** How many samples of this gate failed at this weight, this one included, and how many of them it tolerates. */
  failures: z.int().optional(),
  tolerated: z.int().optional(),
  /** On the first sample of a hold: both sides over the hold. Absent where nothing tells them apart. */
  sides: bothSidesSchema.optional(),
});

/**
 * Requests of callers as the proxies counted them, over one migration; latencies in milliseconds. What is optional is
 * absent in proofs of earlier versions.
 */
export const trafficSummarySchema = z.object({
  requests: z.number(),
  failed: z.number(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** Copies of requests, which are none of the requests above. */
  mirrored: z.int().optional(),
  /** Of the failed ones, those that a proxy had no destination for; null where nothing counts them. */
  unanswered: z.int().nullable().optional(),
  /** How far apart the counters were scraped: what happened within less is seen at the next scrape. */
  scrapeSeconds: z.number().nullable().optional(),
  /** Requests by the class of their answer, such as 2xx. */
  byClass: z.record(z.string(), z.int()).optional(),
  /** Requests by the proxy that counted them. */
  byProxy: z.record(z.string(), z.object({ requests: z.int(), failed: z.int() })).optional(),
});

/** What is known of the requests of a workload's own pods while everything is meant to go to its canary. */
export const stableSideSchema = z.object({
  isSilent: z.boolean(),
  /** The pods' own counters, or what their callers' proxies have, or what was written and waited for. */
  restsOn: z.enum(['counters', 'proxies', 'bound']),
  message: z.string(),
});
export type StableSide = z.infer<typeof stableSideSchema>;

/** Why a migration was undone. */
const undoReasonSchema = z.object({
  cause: z.enum([
    'gate',
    'readiness',
    'admission',
    'rollout',
    'abort',
    'rollback',
    'deleted',
    'error',
    'lost',
    'trial',
  ]),
  message: z.string(),
});

/**
 * Everything that happens to a migration, in the past tense and as data only. Temporal's history decides; governance
 * and the plan's status are projections of this sequence.
 */
export const migrationEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('PlanAccepted'),
    generation: z.int(),
    author: z.string().nullable(),
  }),
  z.object({
    type: z.literal('FactsGathered'),
    sourceSCC: z.string().nullable(),
    targetSCC: z.string(),
    pods: z.array(podSCCSchema),
    services: z.array(z.string()),
    /** Absent in events from before ways in were looked for. */
    ways: z.array(wayInSchema).optional(),
  }),
  z.object({
    type: z.literal('RiskScored'),
    assessmentId: z.string(),
    band: riskBandSchema,
    changeRisk: z.number(),
    exposure: z.number(),
  }),
  z.object({
    type: z.literal('PlanValidated'),
    patch: z.string(),
    /** Where a tool delivers the workload: the patch for its source. */
    kustomizePatch: z.string().optional(),
    warnings: z.array(z.string()),
    rights: z.array(heldRightSchema).optional(),
    /** Absent in events from before there was more than one. */
    strategy: chosenStrategySchema.optional(),
    /** The words of policies that did not stop the plan; absent where there were none. */
    verdicts: z.array(policyVerdictSchema).optional(),
  }),
  z.object({ type: z.literal('PlanRejected'), violations: z.array(violationSchema) }),
  z.object({ type: z.literal('ApprovalRequested'), roles: z.array(z.object({ role: z.string(), count: z.int() })) }),
  z.object({ type: z.literal('ApprovalGranted'), by: z.array(z.string()) }),
  z.object({ type: z.literal('ApprovalRefused'), reason: z.string() }),
  z.object({ type: z.literal('WaitStarted'), reason: z.enum(WAIT_REASONS), message: z.string() }),
  z.object({ type: z.literal('WaitEnded'), reason: z.enum(WAIT_REASONS) }),
  /** Without a strategy it is the canary. */
  z.object({ type: z.literal('PreparationStarted'), strategy: z.enum(STRATEGIES).optional() }),
  z.object({ type: z.literal('TargetGranted'), binding: z.string(), created: z.boolean() }),
  z.object({ type: z.literal('CanaryReady'), canary: z.string(), pods: z.array(podSCCSchema) }),
  z.object({ type: z.literal('MirroringStarted'), percentage: z.int() }),
  z.object({ type: z.literal('MirroringEnded') }),
  z.object({
    type: z.literal('WeightShifted'),
    step: z.int(),
    weights: routeWeightSchema,
    verifiedBy: z.enum(['proxies', 'bound']),
    shares: z.array(wayShareSchema).optional().describe('Of ways that are not divided exactly as asked.'),
  }),
  z.object({ type: z.literal('GatePassed'), samples: z.array(gateSampleSchema) }),
  z.object({ type: z.literal('GateFailed'), samples: z.array(gateSampleSchema) }),
  /** Whether the workload's own pods were seen without requests before they were rolled behind their canary. */
  z.object({ type: z.literal('StableSideSeen'), ...stableSideSchema.shape }),
  /** An outage begins, in which the owners of data are changed, until its pods are ready again. */
  z.object({ type: z.literal('WorkloadStopped'), pods: z.int() }),
  z.object({
    type: z.literal('OwnersChanged'),
    claims: z.array(z.string()),
    /** Of all of them. */
    files: z.int(),
    from: z.int(),
    to: z.int(),
  }),
  z.object({ type: z.literal('WorkloadMigrationStarted'), strategy: z.enum(STRATEGIES).optional() }),
  z.object({
    type: z.literal('PodMoved'),
    pod: podSCCSchema,
    ordinal: z.int(),
    /** Of a DaemonSet's pod. */
    node: z.string().optional(),
    /** Pods that run under the target now, of all that the workload has now. */
    moved: z.int(),
    total: z.int(),
  }),
  z.object({ type: z.literal('WorkloadMigrated'), pods: z.array(podSCCSchema) }),
  z.object({ type: z.literal('TrafficReturned') }),
  z.object({ type: z.literal('BakeStarted'), seconds: z.int() }),
  z.object({ type: z.literal('CanaryRemoved') }),
  z.object({ type: z.literal('SourceRevoked'), bindings: z.array(z.string()), kept: z.string().nullable() }),
  z.object({
    type: z.literal('MigrationCompleted'),
    traffic: trafficSummarySchema.nullable(),
    /** The template is changed, and nothing has run under it. */
    notObserved: z.literal(true).optional(),
  }),
  z.object({ type: z.literal('DryRunFinished'), message: z.string() }),
  z.object({
    type: z.literal('CommandApplied'),
    command: z.string(),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
  }),
  z.object({
    type: z.literal('UndoStarted'),
    ...undoReasonSchema.shape,
  }),
  z.object({ type: z.literal('UndoStepDone'), step: z.string() }),
  z.object({
    type: z.literal('UndoStepFailed'),
    step: z.string(),
    attempt: z.int(),
    message: z.string(),
    because: undoReasonSchema.optional(),
  }),
  z.object({ type: z.literal('ConflictFound'), object: z.string(), fields: z.array(z.string()), manager: z.string() }),
  z.object({
    type: z.literal('UndoFinished'),
    differences: z.array(z.string()),
    /** The cause of the undo, so that the last event tells the whole of it. */
    because: undoReasonSchema.optional(),
  }),
]);

/** One event as it is reported: `sequence` counts from 0 within a workflow run and makes reports idempotent. */
export const recordedEventSchema = z.object({
  version: z.literal(1),
  sequence: z.int().min(0),
  at: z.string(),
  phase: phaseSchema,
  event: migrationEventSchema,
});

export type MigrationEvent = z.infer<typeof migrationEventSchema>;
export type RecordedEvent = z.infer<typeof recordedEventSchema>;
export type BothSides = z.infer<typeof bothSidesSchema>;
export type GateSample = z.infer<typeof gateSampleSchema>;
export type TrafficSummary = z.infer<typeof trafficSummarySchema>;
export type PodSCC = z.infer<typeof podSCCSchema>;
export type UndoReason = z.infer<typeof undoReasonSchema>;
export type UndoCause = UndoReason['cause'];
