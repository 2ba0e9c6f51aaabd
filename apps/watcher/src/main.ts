import { readFile } from 'node:fs/promises';
import { connectKube, runWithLease, type Informer } from '@scc/kube';
import { createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { Client, Connection } from '@temporalio/client';
import { configSchema, environment } from './config.js';
import { dead, unready, type Condition } from './health.js';
import { WatcherMetrics } from './metrics.js';
import { watchPlans } from './plan-watch.js';

const GRACE_MS = 15_000;

async function main(): Promise<void> {
  const config = loadConfig(configSchema, environment);
  const log = createLogger('watcher', config.LOG_LEVEL);
  const client = await connectKube({
    ...(config.KUBECONFIG ? { kubeconfig: config.KUBECONFIG } : {}),
    userAgent: 'scc-watcher',
  });
  const ca = config.TEMPORAL_TLS_CA_FILE ? await readFile(config.TEMPORAL_TLS_CA_FILE) : undefined;
  // Connects when it is first used: a replica that stands by does not need Temporal, and may start before it.
  const connection = Connection.lazy({
    address: config.TEMPORAL_ADDRESS,
    ...(ca ? { tls: { serverRootCACertificate: ca } } : {}),
  });
  const temporal = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });

  const stopping = new AbortController();
  let informer: Informer | null = null;
  let leaseAt: number | null = null;
  const condition = (): Condition => ({
    stopping: stopping.signal.aborted,
    leaseContactMs: leaseAt === null ? null : performance.now() - leaseAt,
    informer: informer?.health() ?? null,
  });
  const metrics = new WatcherMetrics(() => informer !== null);
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: () => dead(condition()),
    ready: () => unready(condition()),
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
    run: (signal) => watchPlans({ client, temporal, log, metrics, resyncMs, watching }, signal),
  });
  onShutdown(
    log,
    async () => {
      stopping.abort();
      await leading;
      await connection.close();
      client.close();
      await health.close();
    },
    GRACE_MS,
  );
  await leading;
}

await main();
