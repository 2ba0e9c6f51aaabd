import { z } from 'zod';
import { dns1123, durationSchema } from './formats.js';

const METRIC_PRESETS = ['request-success-rate', 'request-duration-p99'] as const;

/** A number in an answer of a server that the installation allows. */
const webSourceSchema = z.object({
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s]+$/)
    .describe('Asked by GET. The installation names the hosts that may be asked.'),
  value: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'CEL over `body`, the JSON that was answered, and `status`, the HTTP status: yields a number, or true for 1 and false for 0.',
    ),
});

const metricGateSchema = z.object({
  name: dns1123,
  preset: z.enum(METRIC_PRESETS).optional().describe('A built-in query. Exactly one of preset, query and web is set.'),
  query: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe('PromQL that yields one number. $services in it stands for the Services of the side that is judged.'),
  web: webSourceSchema.optional().describe('A number in the answer of a server.'),
  relativeTo: z
    .enum(['stable'])
    .optional()
    .describe(
      'The bounds are percentages of what the other side gives in the same time, instead of numbers of their own.',
    ),
  dryRun: z.boolean().optional().describe('The gate is judged and shown, and ends nothing.'),
  min: z
    .number()
    .optional()
    .describe('Inclusive lower bound. A success rate is in percent, a duration in milliseconds.'),
  max: z.number().optional().describe('Inclusive upper bound.'),
  interval: durationSchema.default('15s'),
  failureLimit: z.int().min(0).max(100).default(2).describe('How many failed samples are tolerated per weight.'),
  noData: z
    .enum(['Wait', 'Fail', 'Ignore'])
    .default('Wait')
    .describe(
      'What a sample without data means. Wait asks again until the hold is over, then fails; Fail counts it as a failure; Ignore leaves the gate without a verdict. It is never a success.',
    ),
});

const momentSchema = z.enum(['BeforeMirror', 'BeforeShift', 'AfterShift', 'BeforeMigrate', 'AfterMigrate']);

const webhookGateSchema = z.object({
  name: dns1123,
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s]+$/),
  at: momentSchema,
  timeout: durationSchema.default('10s'),
});

const jobGateSchema = z.object({
  name: dns1123,
  from: z
    .object({ kind: z.enum(['CronJob', 'Job']), name: dns1123 })
    .describe(
      'Whose template the Job is made of, in the namespace of the plan. A CronJob may be suspended; so may a Job, which is then nothing but a template.',
    ),
  at: momentSchema,
  timeout: durationSchema.default('10m').describe('A Job that has not ended by then is ended, and the gate fails.'),
});

/** What has to hold while requests move. */
export const gatesSchema = z.object({
  readiness: z.object({ timeout: durationSchema.default('5m') }).prefault({}),
  metrics: z
    .array(metricGateSchema)
    .max(20)
    .default([
      {
        name: 'success-rate',
        preset: 'request-success-rate',
        min: 99.9,
        interval: '15s',
        failureLimit: 2,
        noData: 'Wait',
      },
    ]),
  webhooks: z.array(webhookGateSchema).max(20).default([]),
  jobs: z
    .array(jobGateSchema)
    .max(10)
    .optional()
    .describe('Jobs of the namespace, each run once at its moment; a gate passes when its Job completes.'),
});
