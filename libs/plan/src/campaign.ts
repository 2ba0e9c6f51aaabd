import { z } from 'zod';
import { parseSpec, unknownPaths } from './rules.js';
import { durationSchema } from './formats.js';
import { planSpecSchema, type Violation, windowsSchema } from './schema.js';
import { WORKLOAD_KINDS } from './strategies.js';

/** A campaign: one plan for each of many workloads, in waves. Its workflow creates the plans and waits for them. */

/** The workloads of a campaign; a board of more does not fit into one object of the API. */
export const MOST_WORKLOADS = 1000;
const MOST_WAVES = 100;
/** In place of an SCC: the least privileged one that admits the workload after a patch. */
export const LEAST_REACHABLE = 'LeastReachable';

const nameSchema = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
const labelsSchema = z
  .record(z.string().max(317), z.string().max(63))
  .refine((labels) => Object.keys(labels).length <= 20, 'has more than 20 labels')
  .meta({ maxProperties: 20 })
  .default({});
/** The kinds of a campaign: plans of CronJobs wait for runs that come when they come. */
const kindSchema = z.enum(WORKLOAD_KINDS).exclude(['CronJob']);
const waveNumber = z.int().min(1).max(MOST_WAVES);

const campaignWorkloadSchema = z.object({
  namespace: nameSchema,
  kind: kindSchema.default('Deployment'),
  name: nameSchema,
  wave: waveNumber.optional().describe('The wave to move it in. Given for all workloads of the list, or for none.'),
});

const selectorSchema = z.object({
  namespaces: z.array(nameSchema).max(500).default([]).describe('By name. Every namespace when empty.'),
  namespaceLabels: labelsSchema.describe('Labels that the namespace must have.'),
  labels: labelsSchema.describe('Labels that the workload must have.'),
  kinds: z.array(kindSchema).min(1).max(3).default(['Deployment', 'StatefulSet', 'DaemonSet']),
  sourceSCC: nameSchema.optional().describe('Only workloads that run under this SCC now.'),
});

/** The fields of a plan that may be given for all plans of a campaign. */
const campaignTemplateSchema = planSpecSchema.pick({
  podSecurity: true,
  grants: true,
  gitops: true,
  traffic: true,
  gates: true,
  volumes: true,
  approval: true,
  schedule: true,
  bake: true,
  rollback: true,
  canary: true,
  justification: true,
});

/** `spec` of an SCCMigrationCampaign with every default filled in. */
export const campaignSpecSchema = z.object({
  selector: selectorSchema.optional().describe('Which workloads. Exactly one of selector and workloads is set.'),
  workloads: z.array(campaignWorkloadSchema).min(1).max(MOST_WORKLOADS).optional().describe('The workloads by name.'),
  targetSCC: z
    .string()
    .max(253)
    .regex(/^(LeastReachable|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/)
    .default(LEAST_REACHABLE)
    .describe('An SCC for all, or LeastReachable: for each the least privileged SCC that admits it after a patch.'),
  template: campaignTemplateSchema.prefault({}).describe('Fields of a plan that all plans of the campaign have.'),
  waves: z
    .object({
      count: waveNumber.default(4).describe('How many waves of about the same size.'),
      sizes: z
        .array(z.int().min(1).max(MOST_WORKLOADS))
        .min(1)
        .max(MOST_WAVES)
        .optional()
        .describe('The sizes of the waves instead; the last one is repeated until no workload is left.'),
    })
    .prefault({}),
  maxConcurrent: z.int().min(1).max(100).default(5).describe('How many plans run at once.'),
  soak: durationSchema.default('10m').describe('How long a wave must have been over before the next one begins.'),
  windows: windowsSchema.describe('When plans may begin; those that run go on. At any time when empty.'),
  failureBudget: z
    .int()
    .min(0)
    .max(MOST_WORKLOADS)
    .default(0)
    .describe('How many plans may fail. One more, and no further plan is begun; those that run go on to their end.'),
  approval: z
    .object({ required: z.boolean().default(false) })
    .prefault({})
    .describe('Whether each wave waits until a user other than the author approves its set of workloads.'),
  approvals: z
    .array(
      z.object({
        wave: waveNumber,
        hash: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe('Of the set that is approved: status.waves[].hash.'),
        by: z.string().min(1).max(1024).describe('Who approves; admission takes no name but that of the caller.'),
      }),
    )
    .max(MOST_WAVES)
    .default([]),
  attempt: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('Raise it once the cause of failures is removed: what failed is planned again, and counts afresh.'),
  suspend: z.boolean().default(false).describe('Begins no further plan while true.'),
  abort: z.boolean().default(false).describe('Begins no further plan, for good. Plans that run go on to their end.'),
});
export type CampaignSpec = z.infer<typeof campaignSpecSchema>;
export type CampaignSpecInput = z.input<typeof campaignSpecSchema>;

/** A campaign's fields that may be edited while it runs. */
export const CAMPAIGN_LIVE_FIELDS = [
  ...(['maxConcurrent', 'failureBudget', 'approvals', 'attempt', 'suspend', 'abort'] as const),
];

/** One workload of a wave. */
export interface Member {
  namespace: string;
  kind: string;
  name: string;
  serviceAccount: string;
  targetSCC: string;
  /** Its place in the order: the greater, the later. */
  risk: number;
  /** Other members that its template names, by `memberKey`. */
  calls?: readonly string[] | undefined;
}

const refused = (field: string, message: string, remedy: string): Violation => ({
  code: 'InvalidValue',
  field,
  message,
  remedy,
});

function ruleViolations({ selector, workloads, template, waves, windows }: CampaignSpec): Violation[] {
  const violations: Violation[] = [];
  if ((selector === undefined) === (workloads === undefined))
    violations.push(
      refused(
        'spec.selector',
        `${selector === undefined ? 'neither selector nor workloads is' : 'both selector and workloads are'} set`,
        'Set exactly one of spec.selector and spec.workloads.',
      ),
    );
  const places = (workloads ?? []).map(({ namespace, kind, name }) => `${namespace}/${kind}/${name}`);
  for (const [at, place] of places.entries())
    if (places.indexOf(place) !== at)
      violations.push(refused(`spec.workloads[${at}]`, `${place} is listed twice`, 'List each workload once.'));
  const placed = (workloads ?? []).filter(({ wave }) => wave !== undefined).length;
  if (placed > 0 && placed < places.length)
    violations.push(
      refused('spec.workloads', 'some workloads name their wave and others do not', 'Give a wave to all, or to none.'),
    );
  if (placed > 0 && waves.sizes)
    violations.push(
      refused('spec.waves.sizes', 'the workloads name their waves, so that sizes have no meaning', 'Leave sizes out.'),
    );
  const ofPlan = (spec: object, field: RegExp, own: string): Violation[] => {
    const plan = parseSpec({ ...spec, workloadRef: { kind: 'Deployment', name: 'any' }, targetSCC: 'any' });
    return plan.ok ? [] : plan.violations.map((one) => ({ ...one, field: one.field.replace(field, own) }));
  };
  return [
    ...violations,
    ...ofPlan(template, /^spec/, 'spec.template'),
    ...ofPlan({ schedule: { windows } }, /^spec\.schedule/, 'spec'),
  ];
}

export type ParsedCampaign = { ok: true; spec: CampaignSpec } | { ok: false; violations: Violation[] };

const fieldOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`), 'spec');

/** Parses and checks the `spec` of a campaign; every violation is reported at once, with its field below `spec`. */
export function parseCampaign(input: unknown): ParsedCampaign {
  const remedy = 'Correct the value; `kubectl explain sccmc.spec` describes every field.';
  const parsed = campaignSpecSchema.safeParse(input);
  if (!parsed.success)
    return {
      ok: false,
      violations: parsed.error.issues.map(({ path, message }) => refused(fieldOf(path), message, remedy)),
    };
  const unknown = unknownPaths(input, parsed.data).map((path) => ({
    code: 'UnknownField',
    field: fieldOf(path),
    message: `a campaign has no field ${fieldOf(path)}`,
    remedy,
  }));
  const violations = [...unknown, ...ruleViolations(parsed.data)];
  return violations.length > 0 ? { ok: false, violations } : { ok: true, spec: parsed.data };
}
