import { TASK_QUEUE } from '@scc/migration/contract';
import { commonConfig } from '@scc/runtime';
import { temporalConfig } from '@scc/runtime/temporal-config';
import { z } from 'zod';

/** The worker's environment. */
export const configSchema = z.object({
  ...commonConfig,
  ...temporalConfig,
  TEMPORAL_TASK_QUEUE: z.string().default(TASK_QUEUE).describe('the task queue that the watcher and the worker share'),
  GOVERNANCE_URL: z.url().describe('the https address of the governance API'),
  GOVERNANCE_CA_FILE: z.string().optional().describe('the CA of the governance API, as PEM'),
  GOVERNANCE_TOKEN_FILE: z.string().describe('a file with the bearer token of the worker; read again when it changes'),
  PROMETHEUS_URL: z
    .url()
    .optional()
    .describe('the Prometheus that scrapes the mesh; without it, metric gates have no data'),
  PROMETHEUS_FLAVOUR: z.enum(['istio', 'envoy']).default('istio').describe('which metrics the mesh exposes'),
  ISTIOD_DEBUG_URL: z.url().optional().describe("istiod's debug endpoint; without it, routes are verified by a bound"),
  ISTIOD_DEBUG_TOKEN_FILE: z.string().optional().describe('a file with the bearer token that istiod asks for'),
  ROUTE_BOUND_MS: z.coerce.number().int().min(0).default(5000).describe('how long routes take to reach all proxies'),
  DRAIN_MS: z.coerce.number().int().min(0).default(3000).describe('how long requests under way are given to finish'),
  WORKFLOW_BUNDLE: z.string().optional().describe('the prebuilt workflow bundle'),
  MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(1).default(200),
});
export const environment = process.env;
