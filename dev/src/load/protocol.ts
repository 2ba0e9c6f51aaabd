import { z } from 'zod';

/** The cluster address of a Service that callers reach without a mesh. */
export const PLAIN_SERVICE = '10.96.80.80';

const requestSchema = z.object({
  method: z.enum(['GET', 'POST']).default('GET'),
  path: z.string().default('/'),
  headers: z.record(z.string(), z.string()).default({}),
});

/** A stream of requests to one service by one way. Its requests take turns. */
export const streamSchema = z.object({
  name: z.string(),
  via: z.enum(['ingress', 'sidecar', 'router', 'service']),
  host: z.string(),
  /** The address of the plain Service that is called, where it is not that of `PLAIN_SERVICE`. */
  address: z.string().optional(),
  /** Requests per second, sent whether or not earlier ones were answered. */
  rate: z.number().positive(),
  requests: z.array(requestSchema).min(1).prefault([{}]),
});

export const loadOptionsSchema = z.object({
  streams: z.array(streamSchema).min(1),
  /** After this many milliseconds without an answer a request counts as failed. */
  timeoutMs: z.int().min(1).default(10_000),
  /** How often counters are reported, in milliseconds. */
  intervalMs: z.int().min(50).default(500),
  /** A CSV file that gets one line for each request. */
  recordFile: z.string().optional(),
});
export type LoadOptions = z.input<typeof loadOptionsSchema>;
export type ResolvedLoad = z.infer<typeof loadOptionsSchema>;

export const commandSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('start'), options: loadOptionsSchema }),
  z.object({ do: z.literal('window'), id: z.int(), label: z.string() }),
  z.object({ do: z.literal('summary'), id: z.int() }),
  z.object({ do: z.literal('stop'), id: z.int() }),
]);
export type Command = z.infer<typeof commandSchema>;

export const failureSchema = z.object({
  /** ISO 8601, when the request was due. */
  at: z.string(),
  stream: z.string(),
  method: z.string(),
  path: z.string(),
  /** The HTTP status; 0 when there was none. */
  status: z.int(),
  /** The cause that ended the request when it was no answer. */
  error: z.string().nullable(),
  latencyMs: z.number(),
  pod: z.string(),
  /** The first characters of the answer of a server that failed. */
  said: z.string().optional(),
});
export type FailedRequest = z.infer<typeof failureSchema>;

const countsSchema = z.object({
  requests: z.int(),
  failed: z.int(),
  /** Milliseconds from when a request was due until its last byte; null without requests. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  maxMs: z.number().nullable(),
});
export type Counts = z.infer<typeof countsSchema>;

export const windowSchema = countsSchema.extend({
  label: z.string(),
  byStream: z.record(z.string(), countsSchema),
  byPod: z.record(z.string(), z.int()),
  byScc: z.record(z.string(), z.int()),
});
export type WindowSummary = z.infer<typeof windowSchema>;

export const summarySchema = z.object({
  total: countsSchema,
  /** Requests that have no answer yet. After `stop` they are counted as failed and this is 0. */
  open: z.int(),
  /** By how much the generator itself was late at worst, in milliseconds; part of the latencies. */
  worstLagMs: z.number(),
  windows: z.array(windowSchema),
  /** The first failures. */
  failures: z.array(failureSchema),
  /** Names of the writes that a service acknowledged as there to stay. */
  acknowledged: z.array(z.string()),
});
export type LoadSummary = z.infer<typeof summarySchema>;

export const intervalSchema = countsSchema.extend({
  kind: z.literal('interval'),
  totalRequests: z.int(),
  totalFailed: z.int(),
  byScc: z.record(z.string(), z.int()),
  byPod: z.record(z.string(), z.int()),
});
export type Interval = z.infer<typeof intervalSchema>;

export const reportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started') }),
  intervalSchema,
  z.object({ kind: z.literal('summary'), id: z.int(), summary: summarySchema }),
  z.object({ kind: z.literal('marked'), id: z.int() }),
]);
export type Report = z.infer<typeof reportSchema>;
