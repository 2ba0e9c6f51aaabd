import { readFile } from 'node:fs/promises';
import { connectKube, createInformer, runWithLease, type KubeClient, type KubeObject } from '@scc/kube';
import { FINALIZER, phaseSchema, PLAN_GROUP, PLAN_KIND, PLAN_VERSION } from '@scc/plan';
import { createLogger, loadConfig, onShutdown, startHealthServer, type Logger } from '@scc/runtime';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { configSchema, environment } from './config.js';
import { KeyQueue } from './key-queue.js';
import { temporalMigrations } from './migrations.js';
import { needsWork, reconcile, type SeenPlan } from './reconcile.js';

const plans = { apiVersion: `${PLAN_GROUP}/${PLAN_VERSION}`, kind: PLAN_KIND };
const seenStatusSchema = z.object({ phase: phaseSchema.optional(), observedGeneration: z.int().optional() });
const MINUTE_MS = 60_000;

function seen(object: KubeObject): SeenPlan {
  const { namespace = '', name = '', uid = '', generation = 0, deletionTimestamp, finalizers } = object.metadata;
  const status = seenStatusSchema.parse(object['status'] ?? {});
  return {
    ref: { namespace, name, uid },
    generation,
    observedGeneration: status.observedGeneration ?? null,
    phase: status.phase ?? null,
    deletionRequested: deletionTimestamp !== undefined,
    held: finalizers?.includes(FINALIZER) ?? false,
  };
}

const reader = (client: KubeClient) => async (key: string) => {
  const [namespace = '', name = ''] = key.split('/');
  const object = await client.get({ ...plans, namespace, name });
  return object && seen(object);
};

/** Watches plans for as long as this replica leads. */
async function lead(
  client: KubeClient,
  temporal: Client,
  log: Logger,
  options: { resyncMs: number; signal: AbortSignal },
) {
  const deps = { read: reader(client), migrations: temporalMigrations(temporal) };
  const queue = new KeyQueue(
    async (key) => {
      const outcome = await reconcile(key, deps);
      if (outcome !== 'none' && outcome !== 'running') log.info({ plan: key, outcome }, 'reconciled plan');
    },
    (key, err, retryMs) => log.warn({ plan: key, err, retryMs }, 'reconciling a plan failed and is tried again'),
  );
  const wanted = new Map<string, string>();
  const informer = createInformer({
    client,
    kind: plans,
    onChange: (key, current) => {
      // Status is written many times during a migration; only what this process acts on wakes it.
      const mark = current
        ? JSON.stringify([current.metadata.uid, current.metadata.generation, current.metadata.deletionTimestamp])
        : '';
      if (wanted.get(key) === mark) return;
      wanted.set(key, mark);
      if (!current) wanted.delete(key);
      queue.add(key);
    },
  });
  informer.start();
  await informer.synced;
  log.info({ plans: informer.list().length }, 'watching plans');
  const resync = setInterval(() => {
    for (const plan of informer.list().map(seen))
      if (needsWork(plan)) queue.add(`${plan.ref.namespace}/${plan.ref.name}`);
  }, options.resyncMs);
  await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(resync);
  informer.stop();
  await queue.stop();
}

async function main(): Promise<void> {
  const config = loadConfig(configSchema, environment);
  const log = createLogger('watcher', config.LOG_LEVEL);
  const client = await connectKube({
    ...(config.KUBECONFIG ? { kubeconfig: config.KUBECONFIG } : {}),
    userAgent: 'scc-watcher',
  });
  const ca = config.TEMPORAL_TLS_CA_FILE ? await readFile(config.TEMPORAL_TLS_CA_FILE) : undefined;
  const connection = await Connection.connect({
    address: config.TEMPORAL_ADDRESS,
    ...(ca ? { tls: { serverRootCACertificate: ca } } : {}),
  });
  const temporal = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const stopping = new AbortController();
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: () => null,
    ready: () => (stopping.signal.aborted ? 'stopping' : null),
  });
  const leading = runWithLease({
    client,
    namespace: config.LEASE_NAMESPACE,
    name: 'scc-watcher',
    identity: config.IDENTITY,
    logger: log,
    signal: stopping.signal,
    run: (signal) => lead(client, temporal, log, { resyncMs: config.RESYNC_SECONDS * 1000, signal }),
  });
  onShutdown(
    log,
    async () => {
      stopping.abort();
      await leading;
      await connection.close();
      await health.close();
    },
    MINUTE_MS / 2,
  );
  await leading;
}

await main();
