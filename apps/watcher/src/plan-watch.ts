import { createInformer, keyOf, type Informer, type KubeClient } from '@scc/kube';
import { PLAN_TYPE, type PlanRef } from '@scc/plan';
import type { Logger } from '@scc/runtime';
import type { TemporalLink } from '@scc/runtime/temporal';
import { watchCampaigns } from './campaigns.js';
import { KeyQueue } from './key-queue.js';
import type { WatcherMetrics } from './metrics.js';
import { lookAfterLost } from './afterwards.js';
import { temporalMigrations } from './migrations.js';
import { isWanted, markOf, planReader, seenIf } from './plan.js';
import { cancelStrays, keyOfPlan, reconcile, startIfNew, type WatcherDeps } from './reconcile.js';
import type { SeenPlan } from './seen-plan.js';

export interface PlanWatchOptions {
  client: KubeClient;
  temporal: TemporalLink;
  taskQueue: string;
  log: Logger;
  metrics: WatcherMetrics;
  resyncMs: number;
  /** Given the informer while this replica leads, and null afterwards. */
  watching: (informer: Informer | null) => void;
}

/** Watches plans and keeps their workflows in line with them until the signal aborts. */
export async function watchPlans(options: PlanWatchOptions, signal: AbortSignal): Promise<void> {
  const { client, log, metrics } = options;
  const { afterwards, startCampaign, ...migrations } = temporalMigrations(options.temporal, options.taskQueue, signal);
  const deps: WatcherDeps = { read: planReader(client, signal), migrations };
  /** Plans as the watch brought them first, until they are worked on. */
  const firstSeen = new Map<string, SeenPlan>();
  const queue = new KeyQueue({
    work: async (key) => {
      signal.throwIfAborted();
      const first = firstSeen.get(key);
      firstSeen.delete(key);
      const outcome = first && (await startIfNew(first, migrations)) ? 'started' : await reconcile(key, deps);
      metrics.reconciled(outcome);
      if (outcome !== 'none' && outcome !== 'running') log.info({ plan: key, outcome }, 'reconciled plan');
    },
    failed: (key, err, retryMs) => {
      if (signal.aborted) return;
      metrics.reconciled('failed');
      log.warn({ plan: key, err, retryMs }, 'reconciling a plan failed and is tried again');
    },
  });
  const informer = informerOf({ client, queue, logger: log, first: (key, plan) => void firstSeen.set(key, plan) });
  options.watching(informer);
  metrics.watches(queue, informer);
  informer.start();
  const campaigns = watchCampaigns({ client, log, start: startCampaign }, signal);
  const resync = setInterval(() => {
    campaigns.resync();
    for (const plan of informer.list().filter(isWanted)) queue.add(keyOf(plan));
    sweep(informer, deps).catch((err: unknown) => {
      if (!signal.aborted) log.warn({ err }, 'looking for workflows without a plan failed');
    });
    const completed = informer.list().flatMap((plan) => seenIf(plan) ?? []);
    lookAfterLost(afterwards, (ref) => deps.read(keyOfPlan(ref)), { completed, nowMs: Date.now() }).then(
      (again) => again.forEach((ref) => log.info({ plan: keyOfPlan(ref) }, 'has a workload looked after again')),
      (err: unknown) => {
        if (!signal.aborted) log.warn({ err }, 'looking for workloads that nothing looks after failed');
      },
    );
  }, options.resyncMs);
  informer.synced.then(
    () => log.info({ plans: informer.list().length }, 'watching plans'),
    () => undefined,
  );
  await aborted(signal);
  clearInterval(resync);
  options.watching(null);
  await Promise.all([informer.stop(), campaigns.stop()]);
  await queue.stop();
}

interface Watched {
  client: KubeClient;
  queue: KeyQueue;
  logger: Logger;
  /** Given a plan when it is seen for the first time. */
  first: (key: string, plan: SeenPlan) => void;
}

function informerOf({ client, queue, logger, first }: Watched): Informer {
  const marks = new Map<string, string>();
  return createInformer({
    client,
    kind: PLAN_TYPE,
    logger,
    onChange: (key, current) => {
      if (!current) marks.delete(key);
      else {
        const mark = markOf(current);
        const before = marks.get(key);
        if (before === mark) return;
        const seen = before === undefined ? seenIf(current) : undefined;
        if (seen) first(key, seen);
        marks.set(key, mark);
      }
      queue.add(key);
    },
  });
}

/** Finds workflows that run although their plan is gone: nothing else would ever stop them. */
async function sweep(informer: Informer, deps: WatcherDeps): Promise<void> {
  if (!informer.health().synced) return;
  const isKnown = (ref: PlanRef): boolean => informer.get(keyOfPlan(ref))?.metadata.uid === ref.uid;
  await cancelStrays(
    (await deps.migrations.running()).filter((ref) => !isKnown(ref)),
    deps,
  );
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
