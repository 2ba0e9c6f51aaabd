import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FIELD_MANAGER } from '@scc/plan';
import { isGrpcServiceError } from '@temporalio/client';
import { Runtime, Worker } from '@temporalio/worker';
import { createGovernanceClient, GovernanceError } from '@scc/governance-api';
import { istiodView } from '@scc/istio';
import { connectKube } from '@scc/kube';
import { keepLentEndpoints } from '@scc/replicas';
import { createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { registriesIn } from '@scc/runtime/images';
import { TemporalLink } from '@scc/runtime/temporal';
import { startTracing } from '@scc/runtime/tracing';
import { createActivities } from './activities/index.js';
import { asBuild, buildSeen } from './build.js';
import { campaignActivities } from './campaign/activities.js';
import { Standstill, writesWhileFresh } from './activities/freshness.js';
import { activitySignal, HEARTBEAT_MS } from './activities/pace.js';
import { imagesReader } from './assess/evidence.js';
import { eventsAtBest, refusedEvents } from './cluster/events-at-best.js';
import { workerConfigSchema } from './config.js';
import { Hosting } from './hosting.js';
import { createInstruments } from './metrics.js';
import { temporalLogger } from './logging.js';
import { FLAVOURS } from './outside/flavours.js';
import { gateSources } from './outside/gate-sources.js';
import { webhookCaller } from './outside/webhooks.js';
import { routersOf } from './routers.js';
import { sdkFigures } from './sdk-figures.js';
import { atMostEvery, type Outside, selfCheck } from './self-check.js';
import { tracedWork } from './tracing.js';

const BUNDLE = fileURLToPath(import.meta.resolve('@scc/migration/workflow-bundle'));
const DRAIN_MS = 10_000;
const GOVERNANCE_TIMEOUT_MS = 5_000;
/** A little more than the API server itself waits for a webhook (10 s), so that its own answer comes first. */
const CALL_TIMEOUT_MS = 12_000;
/** How long the answer of `/checks` stays the same, in milliseconds. */
const CHECKED_MS = 2_000;
/** Of gRPC: what a query with an attribute that does not exist is answered. */
const INVALID_ARGUMENT: readonly number[] = [3];
/** A migration that no governance knows. */
const NO_MIGRATION = '00000000-0000-4000-8000-000000000000';

async function main(): Promise<void> {
  const config = loadConfig(workerConfigSchema);
  const log = createLogger('worker', config.LOG_LEVEL);
  const sdk = await sdkFigures();
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [], telemetryOptions: sdk.telemetry });
  const tracing = await startTracing(config, 'scc-worker', log);
  const traced = await tracedWork(tracing);
  const standstill = new Standstill();
  setInterval(() => standstill.look(), HEARTBEAT_MS).unref();
  const connected = await connectKube({
    ...(config.KUBECONFIG ? { kubeconfig: config.KUBECONFIG } : {}),
    userAgent: 'scc-worker',
    timeoutMs: CALL_TIMEOUT_MS,
    listTimeoutMs: CALL_TIMEOUT_MS,
  });
  const instruments = createInstruments(sdk.read);
  const kube = eventsAtBest(
    writesWhileFresh(connected, standstill),
    refusedEvents(instruments.eventRefused, (facts) => log.warn(facts, 'the API server refuses Events')),
  );
  const governance = createGovernanceClient({
    url: config.GOVERNANCE_URL,
    ...(config.GOVERNANCE_CA_FILE ? { caFile: config.GOVERNANCE_CA_FILE } : {}),
    token: async () => (await readFile(config.GOVERNANCE_TOKEN_FILE, 'utf8')).trim(),
    // Temporal tries the activity again: nothing is to wait longer than that in silence.
    timeoutMs: GOVERNANCE_TIMEOUT_MS,
  });
  const { allowed, metrics, reviewGates } = gateSources(config);
  const view = config.ISTIOD_DEBUG_URL
    ? istiodView({
        url: config.ISTIOD_DEBUG_URL,
        tokenOverHttp: config.ISTIOD_DEBUG_TOKEN_OVER_HTTP,
        ...(config.ISTIOD_DEBUG_TOKEN_FILE ? { tokenFile: config.ISTIOD_DEBUG_TOKEN_FILE } : {}),
      })
    : null;
  const router = routersOf({
    kube,
    fieldManager: FIELD_MANAGER,
    boundMs: config.ROUTE_BOUND_MS,
    reloadMs: config.ROUTER_RELOAD_MS,
    counters: metrics.routers,
    domain: config.CLUSTER_DOMAIN,
    root: config.MESH_ROOT_NAMESPACE,
    signal: activitySignal,
    ...(view ? { view } : {}),
  });
  const link = new TemporalLink(config);
  const activities = createActivities({
    kube,
    governance,
    router,
    metrics,
    reviewGates,
    readImages: imagesReader(registriesIn(config)),
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
        activities: { ...activities, ...campaignActivities(kube, instruments) },
        maxCachedWorkflows: config.MAX_CACHED_WORKFLOWS,
        // How long work for a worker that was killed waits for it before another takes over.
        stickyQueueScheduleToStartTimeout: '2s',
        // Temporal must hear of an activity as often as it beats, or it is given away sooner than its worker knows.
        maxHeartbeatThrottleInterval: HEARTBEAT_MS,
        shutdownGraceTime: DRAIN_MS,
        ...traced,
        ...asBuild(config),
      }),
  });
  instruments.showPolling(() => hosting.unready() === null);
  const outside: Outside = {
    unready: () => hosting.unready(),
    temporal: { ...temporalSeen(link), build: buildSeen(config, link) },
    governance: async () => {
      await governance.outcome(NO_MIGRATION).catch((error: unknown) => {
        if (!(error instanceof GovernanceError && error.status === 404)) throw error;
      });
    },
    metrics,
    counters: FLAVOURS[config.PROMETHEUS_FLAVOUR].names,
    proxies: view && (() => view.proxies()),
    now: () => new Date(),
  };
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: () => null,
    metrics: instruments.exposition,
    checks: atMostEvery(CHECKED_MS, () => selfCheck(outside)),
    ready: () => hosting.unready(),
  });
  const keeper = keepLentEndpoints({ kube: connected, logger: log });
  const running = hosting.run();
  onShutdown(log, async () => {
    hosting.stop();
    await running;
    await keeper.stop();
    await link.close();
    governance.close();
    await tracing?.stop();
    await health.close();
  });
  await running;
}

/** Temporal as the self-check asks it. */
const temporalSeen = (link: TemporalLink): Omit<Outside['temporal'], 'build'> => ({
  check: () => link.check(),
  serverVersion: async () => (await (await link.client()).workflowService.getSystemInfo({})).serverVersion,
  knows: async (attribute) => {
    const query = `${attribute} = "none"`;
    try {
      await (await link.client()).workflowService.countWorkflowExecutions({ namespace: link.namespace, query });
      return true;
    } catch (error) {
      if (isGrpcServiceError(error) && INVALID_ARGUMENT.includes(error.code)) return false;
      throw error;
    }
  },
});

await main();
