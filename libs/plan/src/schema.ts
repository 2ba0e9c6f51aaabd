import { z } from 'zod';
import { dns1123, durationSchema } from './formats.js';
import { gatesSchema } from './gates.js';
import { PHASES } from './phases.js';
import { MAX_WARNINGS } from './limits.js';
import { RISK_BANDS } from './risk-bands.js';
import { WORKLOAD_KINDS } from './strategies.js';
import { chosenStrategySchema, strategySchema } from './strategy-schema.js';
import { volumesSchema } from './volumes-schema.js';

const percentage = z.int().min(0).max(100);

export const workloadKindSchema = z.enum(WORKLOAD_KINDS);

/** The versions of the API by which a plan may name its workload. */
export const WORKLOAD_API_VERSIONS = ['apps/v1', 'batch/v1'] as const;

export const workloadRefSchema = z
  .object({ apiVersion: z.enum(WORKLOAD_API_VERSIONS).default('apps/v1'), kind: workloadKindSchema, name: dns1123 })
  .describe('The workload to migrate, in the namespace of the plan.');

const podSecuritySchema = z.object({
  mode: z
    .enum(['Apply', 'Require'])
    .default('Apply')
    .describe('Apply: change the template by the smallest patch that the target admits. Require: reject and show it.'),
  patch: z
    .record(z.string(), z.unknown())
    .refine((patch) => Object.keys(patch).length <= 10, 'has more than 10 fields')
    .meta({ maxProperties: 10 })
    .default({})
    .describe(
      "The user's own strategic-merge patch of the pod template, applied before the evaluator's. At most 64 Ki characters and 100 containers.",
    ),
});

const mirrorSchema = z.object({
  percentage: percentage.default(100),
  duration: durationSchema.default('2m'),
  methods: z
    .enum(['Safe', 'All'])
    .default('Safe')
    .describe('Safe mirrors GET, HEAD and OPTIONS only. All declares that the service may receive every write twice.'),
});

/** An object that the plan's author has looked at and takes the consequences of, by name. */
const acceptedSchema = z.object({
  kind: z
    .string()
    .max(63)
    .regex(/^[A-Z][A-Za-z0-9]*$/),
  name: z
    .string()
    .max(317)
    .regex(/^(\*|[a-z0-9]([-a-z0-9.:]*[a-z0-9])?(\/[a-z0-9]([-a-z0-9.:]*[a-z0-9])?)?)$/)
    .describe(
      'NAME in the namespace of the plan, NAMESPACE/NAME elsewhere, * for all objects of a kind that cannot be read.',
    ),
});

const testersSchema = z
  .object({
    header: z
      .string()
      .max(63)
      .regex(/^x-[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      .describe('Its name in small letters, such as x-tester.'),
    value: z
      .string()
      .max(128)
      .regex(/^[A-Za-z0-9._~-]+$/)
      .describe('All of its value. Whoever reads the plan knows it: it is no secret.'),
  })
  .describe(
    'Requests with this header go to the canary from its preparation until the routes are restored, whatever its share is. By routes of Istio and of the Gateway API alone.',
  );

const affinitySchema = z
  .object({
    cookie: z
      .string()
      .max(64)
      .regex(/^[A-Za-z][A-Za-z0-9_-]*$/)
      .optional()
      .describe('Its name; one of the plan alone unless given.'),
    maxAge: durationSchema.default('1h').describe('How long a client keeps it, from 1m to 24h.'),
  })
  .describe(
    'A client that met the canary gets a cookie, and its requests go there as long as both sides have a share. By VirtualServices and HTTPRoutes of Istio alone.',
  );

const trafficSchema = z.object({
  mirror: mirrorSchema.prefault({}),
  weights: z.array(z.int().min(1).max(100)).min(1).max(20).default([10, 25, 50, 75, 100]),
  interval: durationSchema.default('1m').describe('How long each weight is held while its gates are watched.'),
  testers: testersSchema.optional(),
  affinity: affinitySchema.optional(),
  accept: z
    .array(acceptedSchema)
    .max(50)
    .default([])
    .describe(
      'Ways in that nothing divides, and objects that pick the pods and are not copied for the canary, each accepted by kind and name.',
    ),
});

const windowSchema = z.object({
  days: z
    .array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']))
    .min(1)
    .max(7)
    .default(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']),
  from: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/),
  to: z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/),
  timeZone: z.string().max(64).default('UTC').describe('An IANA time zone.'),
});
export type Window = z.infer<typeof windowSchema>;
export const windowsSchema = z.array(windowSchema).max(20).default([]);

const scheduleSchema = z.object({
  notBefore: z.string().max(64).optional().describe('RFC 3339 time before which nothing is touched.'),
  windows: windowsSchema,
});

/** `spec` of an SCCMigrationPlan with every default filled in: the one source of the CRD and of all types. */
export const planSpecSchema = z.object({
  workloadRef: workloadRefSchema,
  strategy: strategySchema.optional().describe('How the workload is moved.'),
  targetSCC: dns1123.describe('The SCC that the pods shall run under.'),
  sourceSCC: dns1123.optional().describe('Asserts the SCC that the pods run under now. Observed when absent.'),
  serviceAccountName: dns1123.optional().describe('Run under another ServiceAccount from now on.'),
  podSecurity: podSecuritySchema.prefault({}),
  grants: z
    .object({
      source: z.enum(['Revoke', 'Keep']).default('Revoke'),
      revokeAfter: durationSchema
        .optional()
        .describe(
          'How long the change must have lasted before the source grant is revoked. 24h where Argo CD, Flux or Helm delivers the workload, else at once.',
        ),
    })
    .prefault({}),
  gitops: z
    .enum(['PatchFirst', 'IKnow'])
    .optional()
    .describe(
      'Needed where Argo CD, Flux or Helm delivers the workload. PatchFirst: the change of the template is in their source, or will be before they deliver again. IKnow: they may take it back, and you know.',
    ),
  traffic: trafficSchema.prefault({}),
  gates: gatesSchema.prefault({}),
  volumes: volumesSchema.optional().describe('What is done about data of the workload under another user.'),
  approval: z
    .object({
      required: z.boolean().default(false),
      borrow: z
        .boolean()
        .optional()
        .describe('Asks an approver who holds it to lend a right that the author lacks, instead of refusing the plan.'),
    })
    .prefault({}),
  schedule: scheduleSchema.prefault({}),
  bake: durationSchema
    .optional()
    .describe(
      'How long the migrated workload serves everything under its gates before the canary and the old grant go, 168h at most: until then a rollback takes the whole migration back.',
    ),
  trial: z
    .object({
      duration: durationSchema.describe('How long the canary is watched under the target.'),
    })
    .optional()
    .describe(
      'Tries the target and changes nothing of the workload: a canary gets copies of requests and no others, for that long and under the gates of the plan; then everything is taken back, whatever they say.',
    ),
  rollback: z.object({ onFailure: z.enum(['Automatic', 'Pause']).default('Automatic') }).prefault({}),
  canary: z
    .object({
      replicas: z
        .union([z.enum(['Full', 'Weight']), z.int().min(1).max(10_000)])
        .default('Full')
        .describe(
          'How many pods the copy has. Full: as many as the workload. Weight: what its share of the requests needs, more with each weight. A number: so many, whatever their share is.',
        ),
    })
    .prefault({}),
  justification: z.string().max(2048).optional().describe('Why this migration is wanted; policies may require it.'),
  suspend: z.boolean().default(false),
  dryRun: z.boolean().default(false).describe('Validate, score and show the patch and the steps; touch nothing.'),
});

export const phaseSchema = z.enum(PHASES);
export const riskBandSchema = z.enum(RISK_BANDS);

/** A reason why something is refused: which field, why, and what to do about it. */
export const violationSchema = z.object({
  code: z.string().regex(/^[A-Z][A-Za-z0-9]*$/),
  field: z.string(),
  message: z.string(),
  remedy: z.string(),
});

export const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string(),
  observedGeneration: z.int().optional(),
});

/** A way by which requests reach the workload, as its survey found it. */
export const wayInSchema = z.object({
  kind: z.string(),
  name: z.string().describe('NAME in the namespace of the plan, NAMESPACE/NAME elsewhere.'),
  dividedBy: z
    .enum(['Istio', 'GatewayAPI', 'OpenShiftRouter', 'Replicas', 'Nothing'])
    .describe(
      'Replicas: by how many ready pods of each side its Service has. Nothing: its requests stay with the pods that its Service picks.',
    ),
  shareOf: z
    .enum(['NewClients'])
    .optional()
    .describe(
      'Of which requests the share is, where it is not of all: clients that come back to the canary are beside it.',
    ),
});

const servedWaySchema = wayInSchema.extend({
  verifiedBy: z
    .enum(['Proxies', 'Bound', 'NotObserved'])
    .describe('How the share was last verified: seen in the proxies, or only written and waited for.'),
  share: z
    .number()
    .min(0)
    .max(100)
    .describe(
      'The share of its requests that the canary serves, in percent: as the pods make it, where a router rounds.',
    ),
});

export const heldRightSchema = z.object({
  right: z.string().describe('Completes “somebody may …”.'),
  heldBy: z.array(z.string()),
});

export const planStatusSchema = z.object({
  sequence: z
    .int()
    .min(0)
    .optional()
    .describe('Grows with every write of the status; the API server refuses a status with a smaller one.'),
  observedGeneration: z.int().optional(),
  phase: phaseSchema.optional(),
  message: z.string().optional(),
  workflowId: z.string().optional(),
  runId: z.string().optional(),
  sourceSCC: z.string().optional(),
  targetSCC: z.string().optional(),
  weight: percentage.optional().describe('The share of live requests that the canary serves, in percent.'),
  traffic: z.array(servedWaySchema).optional().describe('Every way in that is known, and how it is divided.'),
  strategy: chosenStrategySchema.optional().describe('How the workload is moved.'),
  ordinals: z
    .object({
      moved: z.int().describe('How many pods of the workload run under the target.'),
      total: z.int(),
      last: z.string().describe('The pod that moved last.'),
    })
    .optional()
    .describe('How far a migration is that moves the pods one by one.'),
  pods: z.object({ total: z.int(), migrated: z.int(), bySCC: z.record(z.string(), z.int()).default({}) }).optional(),
  risk: z
    .object({
      band: riskBandSchema,
      changeRisk: z.number(),
      exposure: z.number(),
    })
    .optional(),
  patch: z.string().optional().describe('The change of the pod template, as YAML.'),
  kustomizePatch: z
    .string()
    .optional()
    .describe('The same change for the source of the workload, where a tool delivers it.'),
  rights: z
    .array(heldRightSchema)
    .optional()
    .describe('What the plan does in the name of those who wrote it, and who of them may do it.'),
  warnings: z
    .array(z.string())
    .max(MAX_WARNINGS)
    .optional()
    .describe('What the checks and the policies that only warn said when the plan was validated.'),
  violations: z.array(violationSchema).optional(),
  conditions: z.array(conditionSchema).optional(),
  history: z.array(z.object({ phase: phaseSchema, at: z.string(), message: z.string().optional() })).optional(),
  auditCheckpoint: z.string().optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
});

export type PlanSpec = z.infer<typeof planSpecSchema>;
export type PlanSpecInput = z.input<typeof planSpecSchema>;
export type PlanStatus = z.infer<typeof planStatusSchema>;
export type Violation = z.infer<typeof violationSchema>;
export type Condition = z.infer<typeof conditionSchema>;
export type WayIn = z.infer<typeof wayInSchema>;
export type Accepted = z.infer<typeof acceptedSchema>;
export type WorkloadRef = z.infer<typeof workloadRefSchema>;
export type MetricGate = PlanSpec['gates']['metrics'][number];
export type JobGate = NonNullable<PlanSpec['gates']['jobs']>[number];
