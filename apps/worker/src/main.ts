import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FIELD_MANAGER } from '@scc/plan';
import { Runtime, Worker } from '@temporalio/worker';
import { createGovernanceClient } from '@scc/governance-api';
import { istiodView } from '@scc/istio';
import { connectKube } from '@scc/kube';
import { AllowedHosts, createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { TemporalLink } from '@scc/runtime/temporal';
import { createActivities } from './activities/index.js';
import { Standstill, writesWhileFresh } from './activities/freshness.js';
import { activitySignal, HEARTBEAT_MS } from './activities/pace.js';
import { workerConfigSchema } from './config.js';
import { Hosting } from './hosting.js';
import { createInstruments } from './metrics.js';
import { temporalLogger } from './logging.js';
import { noMetrics, prometheusMetrics } from './outside/prometheus.js';
import { reviewGatesWith } from './outside/review.js';
import { webhookCaller } from './outside/webhooks.js';
import { routersOf } from './routers.js';

const BUNDLE = fileURLToPath(import.meta.resolve('@scc/migration/workflow-bundle'));
const DRAIN_MS = 10_000;
const GOVERNANCE_TIMEOUT_MS = 5_000;
/** A little more than the API server itself waits for a webhook (10 s), so that its own answer comes first. */
const CALL_TIMEOUT_MS = 12_000;

async function main(): Promise<void> {
  const config = loadConfig(workerConfigSchema);
  const log = createLogger('worker', config.LOG_LEVEL);
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });
  const standstill = new Standstill();
  setInterval(() => standstill.look(), HEARTBEAT_MS).unref();
  const connected = await connectKube({
    ...(config.KUBECONFIG ? { kubeconfig: config.KUBECONFIG } : {}),
    userAgent: 'scc-worker',
    timeoutMs: CALL_TIMEOUT_MS,
    listTimeoutMs: CALL_TIMEOUT_MS,
  });
  const kube = writesWhileFresh(connected, standstill);
  const governance = createGovernanceClient({
    url: config.GOVERNANCE_URL,
    ...(config.GOVERNANCE_CA_FILE ? { caFile: config.GOVERNANCE_CA_FILE } : {}),
    token: async () => (await readFile(config.GOVERNANCE_TOKEN_FILE, 'utf8')).trim(),
    // Temporal tries the activity again: nothing is to wait longer than that in silence.
    timeoutMs: GOVERNANCE_TIMEOUT_MS,
  });
  const metrics = config.PROMETHEUS_URL
    ? prometheusMetrics({
        url: config.PROMETHEUS_URL,
        flavour: config.PROMETHEUS_FLAVOUR,
        caFile: config.PROMETHEUS_CA_FILE,
        tokenFile: config.PROMETHEUS_TOKEN_FILE,
        headers: config.PROMETHEUS_HEADERS,
        namespaceParameter: config.PROMETHEUS_NAMESPACE_PARAMETER,
      })
    : noMetrics;
  const router = routersOf({
    kube,
    fieldManager: FIELD_MANAGER,
    boundMs: config.ROUTE_BOUND_MS,
    reloadMs: config.ROUTER_RELOAD_MS,
    counters: metrics.routers,
    domain: config.CLUSTER_DOMAIN,
    signal: activitySignal,
    ...(config.ISTIOD_DEBUG_URL
      ? {
          view: istiodView({
            url: config.ISTIOD_DEBUG_URL,
            ...(config.ISTIOD_DEBUG_TOKEN_FILE ? { tokenFile: config.ISTIOD_DEBUG_TOKEN_FILE } : {}),
          }),
        }
      : {}),
  });
  const allowed = new AllowedHosts(config.WEBHOOK_GATE_HOSTS, config.WEBHOOK_GATE_NETWORKS);
  const instruments = createInstruments();
  const link = new TemporalLink(config);
  const activities = createActivities({
    kube,
    governance,
    router,
    metrics,
    reviewGates: reviewGatesWith({ allowed, metrics, queries: config.PROMETHEUS_PLAN_QUERIES }),
    callWebhook: webhookCaller(allowed, config.WEBHOOK_GATE_CA_FILE),
    instruments,
    drainMs: config.DRAIN_MS,
    root: config.MESH_ROOT_NAMESPACE,
    domain: config.CLUSTER_DOMAIN,
  });
  const hosting = new Hosting({
    link,
    log,
    make: (connection) =>
      Worker.create({
        connection,
        namespace: config.TEMPORAL_NAMESPACE,
        taskQueue: config.TEMPORAL_TASK_QUEUE,
        workflowBundle: { codePath: config.WORKFLOW_BUNDLE ?? BUNDLE },
        activities,
        maxCachedWorkflows: config.MAX_CACHED_WORKFLOWS,
        // How long work for a worker that was killed waits for it before another takes over.
        stickyQueueScheduleToStartTimeout: '2s',
        // Temporal must hear of an activity as often as it beats, or it is given away sooner than its worker knows.
        maxHeartbeatThrottleInterval: HEARTBEAT_MS,
        shutdownGraceTime: DRAIN_MS,
      }),
  });
  instruments.showPolling(() => hosting.unready() === null);
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: () => null,
    metrics: instruments.exposition,
    ready: () => hosting.unready(),
  });
  const running = hosting.run();
  onShutdown(log, async () => {
    hosting.stop();
    await running;
    await link.close();
    governance.close();
    await health.close();
  });
  await running;
}

await main();
