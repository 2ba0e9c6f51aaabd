import { istiodUrls } from '@scc/istio';
import { TASK_QUEUE } from '@scc/migration/contract';
import { commonConfig } from '@scc/runtime';
import { imageRegistryConfig } from '@scc/runtime/images';
import { temporalConfig } from '@scc/runtime/temporal-config';
import { tracingConfig } from '@scc/runtime/tracing';
import { z } from 'zod';
import { buildConfig } from './build.js';

const headersSchema = z.string().transform((text, context): Record<string, string> => {
  const pairs = text.split(',').map((pair) => /^\s*([A-Za-z0-9-]+)\s*=(.*)$/.exec(pair));
  if (pairs.every((pair) => pair !== null))
    return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value.trim()]));
  context.addIssue({ code: 'custom', message: 'is not NAME=VALUE, separated by commas' });
  return z.NEVER;
});

/** The worker's environment. */
export const workerConfigSchema = z.object({
  ...commonConfig,
  ...temporalConfig,
  ...tracingConfig,
  TEMPORAL_TASK_QUEUE: z.string().default(TASK_QUEUE).describe('the task queue that the watcher and the worker share'),
  ...buildConfig,
  GOVERNANCE_URL: z.url().describe('the https address of the governance API'),
  GOVERNANCE_CA_FILE: z.string().optional().describe('the CA of the governance API, as PEM'),
  GOVERNANCE_TOKEN_FILE: z.string().describe('a file with the bearer token of the worker; read again when it changes'),
  PROMETHEUS_URL: z
    .url()
    .optional()
    .describe('the Prometheus that scrapes the mesh; without it, metric gates cannot be judged'),
  PROMETHEUS_TOKEN_FILE: z
    .string()
    .optional()
    .describe('a file with the bearer token for Prometheus; read at every question'),
  PROMETHEUS_CA_FILE: z
    .string()
    .optional()
    .describe('the authority of its certificate, as PEM; read again when it changes'),
  PROMETHEUS_HEADERS: headersSchema
    .default({})
    .describe('headers of every question, as NAME=VALUE separated by commas, such as X-Scope-OrgID=shop'),
  PROMETHEUS_NAMESPACE_PARAMETER: z
    .string()
    .optional()
    .describe("the query parameter by which a proxy confines answers to the plan's namespace, such as namespace"),
  PROMETHEUS_PLAN_QUERIES: z
    .enum(['confined', 'any'])
    .default('confined')
    .describe(
      'confined: a plan may ask queries of its own only with PROMETHEUS_NAMESPACE_PARAMETER. any: it may ask all',
    ),
  WEBHOOK_GATE_HOSTS: z
    .string()
    .default('')
    .describe(
      'the hosts that webhook gates may call, as NAME, NAME:PORT or *.DOMAIN separated by commas; none unless set',
    ),
  WEBHOOK_GATE_NETWORKS: z
    .string()
    .default('')
    .describe('networks in CIDR notation that they may reach although they are private, of the link or of the machine'),
  WEBHOOK_GATE_CA_FILE: z.string().optional().describe('the authority of their certificates, as PEM'),
  ...imageRegistryConfig,
  PROMETHEUS_FLAVOUR: z
    .enum(['istio', 'envoy', 'haproxy'])
    .default('istio')
    .describe("whose metrics gates and proofs read: those of the mesh, or haproxy of OpenShift's routers"),
  ISTIOD_DEBUG_URL: z
    .string()
    .refine(
      (text) => istiodUrls(text).every((url) => /^https?:/.test(url) && URL.canParse(url)),
      'is not a list of URLs',
    )
    .optional()
    .describe(
      "istiod's debug endpoint, or several separated by commas, one for each revision; without it, routes are verified by a bound",
    ),
  ISTIOD_DEBUG_TOKEN_FILE: z.string().optional().describe('a file with the bearer token that istiod asks for'),
  ISTIOD_DEBUG_TOKEN_OVER_HTTP: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .describe('true or false: whether that token may cross the network without TLS'),
  CLUSTER_DOMAIN: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .default('cluster.local')
    .describe('the DNS domain of the cluster, which ends the hosts of its Services'),
  MESH_ROOT_NAMESPACE: z
    .string()
    .default('istio-system')
    .describe('the root namespace of the mesh, whose policies hold in every namespace'),
  ROUTE_BOUND_MS: z.coerce.number().int().min(0).default(5000).describe('how long routes take to reach all proxies'),
  ROUTER_RELOAD_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(5000)
    .describe("the reload interval of OpenShift's routers, where their IngressController does not tell it"),
  DRAIN_MS: z.coerce.number().int().min(0).default(3000).describe('how long requests under way are given to finish'),
  WORKFLOW_BUNDLE: z.string().optional().describe('the prebuilt workflow bundle'),
  MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(1).default(200).describe('workflows that are kept in memory'),
});
