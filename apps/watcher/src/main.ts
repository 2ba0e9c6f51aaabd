import { connectKube, runWithLease, type Informer } from '@scc/kube';
import { createLogger, loadConfig, messageOf, onShutdown, pause, startHealthServer, type Logger } from '@scc/runtime';
import { TemporalLink } from '@scc/runtime/temporal';
import { startTracing } from '@scc/runtime/tracing';
import { backlogSeconds } from './backlog.js';
import { watcherConfigSchema } from './config.js';
import { dead, unready, type ReplicaState } from './health.js';
import { WatcherMetrics } from './metrics.js';
import { watchPlans } from './plan-watch.js';

const GRACE_MS = 15_000;
const PROBE_MS = 5000;

async function main(): Promise<void> {
  const config = loadConfig(watcherConfigSchema);
  const log = createLogger('watcher', config.LOG_LEVEL);
  const tracing = await startTracing(config, 'scc-watcher', log);
  const client = await connectKube({
    ...(config.KUBECONFIG ? { kubeconfig: config.KUBECONFIG } : {}),
    userAgent: 'scc-watcher',
  });
  const temporal = new TemporalLink(config, { workflow: tracing?.calls ?? [] });

  const stopping = new AbortController();
  let informer: Informer | null = null;
  let leaseAt: number | null = null;
  let temporalFault: string | null = 'Temporal has not answered yet';
  const replicaState = (): ReplicaState => ({
    stopping: stopping.signal.aborted,
    leaseContactMs: leaseAt === null ? null : performance.now() - leaseAt,
    informer: informer?.health() ?? null,
    temporalFault,
  });
  const metrics = new WatcherMetrics(() => informer !== null);
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: () => dead(replicaState()),
    ready: () => unready(replicaState()),
    metrics: () => metrics.scrape(),
  });
  const durationMs = config.LEASE_SECONDS * 1000;
  const resyncMs = config.RESYNC_SECONDS * 1000;
  const watching = (current: Informer | null): void => void (informer = current);
  const leading = runWithLease({
    client,
    namespace: config.LEASE_NAMESPACE,
    name: 'scc-watcher',
    identity: config.IDENTITY,
    logger: log,
    signal: stopping.signal,
    onContact: () => void (leaseAt = performance.now()),
    timing: { durationMs, giveUpMs: durationMs * 0.6, everyMs: Math.min(1500, durationMs * 0.15) },
    run: (signal) =>
      watchPlans({ client, temporal, taskQueue: config.TEMPORAL_TASK_QUEUE, log, metrics, resyncMs, watching }, signal),
  });
  const look = async (): Promise<void> => {
    await temporal.check();
    // Not known is no reason to be unready: Temporal answers.
    metrics.waited(await backlogSeconds(temporal, config.TEMPORAL_TASK_QUEUE).catch(() => NaN));
  };
  const found = (fault: string | null): void => void (temporalFault = fault);
  const probing = probe({ look, found, address: temporal.address, log }, stopping.signal);
  onShutdown(
    log,
    async () => {
      stopping.abort();
      await Promise.all([leading, probing]);
      await temporal.close();
      client.close();
      await tracing?.stop();
      await health.close();
    },
    GRACE_MS,
  );
  await leading;
}

interface Probe {
  /** Throws an error that says why Temporal cannot be used. */
  look: () => Promise<void>;
  found: (fault: string | null) => void;
  address: string;
  log: Logger;
}

/** Asks Temporal until the signal aborts; says in the log when what it finds changes. */
async function probe({ look, found, address, log }: Probe, signal: AbortSignal): Promise<void> {
  let last: string | null = null;
  while (!signal.aborted) {
    const fault = await look().then(
      () => null,
      (error: unknown) => messageOf(error),
    );
    found(fault);
    if (fault !== last && fault !== null) log.warn({ reason: fault }, 'the watcher waits for Temporal');
    if (fault === null && last !== null) log.info({ temporal: address }, 'Temporal answers');
    last = fault;
    await pause(PROBE_MS, signal);
  }
}

await main();
