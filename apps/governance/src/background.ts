import type { MakeInformer } from '@scc/kube';
import type { TemporalLink } from '@scc/runtime/temporal';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { expireRequests } from './approvals/decisions.js';
import { followPlans } from './approvals/follow.js';
import { OutboxRelay } from './approvals/outbox.js';
import { temporalWaker } from './approvals/temporal.js';
import { followCampaigns } from './campaigns/follow.js';
import { forgetKeys } from './database/once.js';
import { inTransaction } from './database/transaction.js';
import { PodTracker } from './pods/follow.js';
import { installDefaultPolicies } from './policies/defaults.js';
import { recordExpiredExceptions } from './policies/exceptions.js';
import { followSCCs } from './registry/follow.js';
import { recordObserved, type RegistryCluster } from './registry/watch.js';
import { keepWrites, type SeenWrite } from './registry/writes.js';
import { forgetOld } from './retention/retention.js';
import { RiskLearner } from './risk/learner.js';

const SWEEP_MS = 5000;
/** Sweeps between two looks at all running pods. */
const OBSERVE_EVERY = 4;
/** Sweeps between two deletions of what is long over: five minutes. */
const FORGET_EVERY = 60;

export interface BackgroundOptions {
  source: DataSource;
  logger: Logger;
  temporal: TemporalLink;
  /** Null without a cluster. */
  makeInformer: MakeInformer | null;
  cluster: RegistryCluster | null;
  /** Days that what is over, and proves nothing, is kept. */
  retentionDays: number;
}

export interface Background {
  /** Takes hints from admission. */
  pods: PodTracker;
  /** Takes writes that admission has seen. Never throws; what cannot be kept leaves a change without its user. */
  writes: (writes: readonly SeenWrite[]) => void;
  stop: () => Promise<void>;
}

/** Brings the default policies that the database has never had. */
export async function installPolicies(source: DataSource, logger: Logger): Promise<void> {
  const installed = await inTransaction(source, (tx) => installDefaultPolicies(tx, new Date()));
  if (installed.length > 0) logger.info({ policies: installed }, 'default policies installed');
}

/**
 * Starts what goes on beside the API: waking workflows, expiry of approvals and exceptions, following plans, campaigns,
 * SCCs and pods. Several processes may run it at once.
 */
export function startBackground(options: BackgroundOptions): Background {
  const { source, logger, temporal, makeInformer, cluster, retentionDays } = options;
  const relay = new OutboxRelay(source, temporalWaker(temporal), logger);
  relay.start();
  const pods = new PodTracker(source, makeInformer, logger);
  pods.start();
  const plans = makeInformer ? followPlans({ source, makeInformer, logger }) : null;
  const campaigns = makeInformer ? followCampaigns({ source, makeInformer, logger }) : null;
  const sccs = makeInformer ? followSCCs({ source, makeInformer, logger }) : null;
  const sweeper = startSweeper({ source, logger, cluster, retentionDays });
  const learner = new RiskLearner(source, logger);
  learner.start();
  return {
    pods,
    writes: (writes) => {
      keepWrites(source, writes).catch((error: unknown) =>
        logger.warn({ err: error, writes: writes.length }, 'writes that admission saw could not be kept'),
      );
    },
    stop: async () => {
      await learner.stop();
      await sweeper.stop();
      await relay.stop();
      await pods.stop();
      await sccs?.stop();
      await campaigns?.stop();
      await plans?.stop();
    },
  };
}

function startSweeper({
  source,
  logger,
  cluster,
  retentionDays: days,
}: Pick<BackgroundOptions, 'source' | 'logger' | 'cluster' | 'retentionDays'>): { stop: () => Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  let turn = 0;
  const sweep = async (): Promise<void> => {
    await inTransaction(source, (tx) => expireRequests(tx, new Date()));
    await inTransaction(source, (tx) => recordExpiredExceptions(tx, new Date()));
    if (turn % FORGET_EVERY === 0) await inTransaction(source, (tx) => forgetOld(tx, { now: new Date(), days }));
    if (turn++ % OBSERVE_EVERY === 0) await recordObserved({ source, cluster, logger }, new Date());
    await inTransaction(source, forgetKeys);
  };
  const timer = setInterval(() => {
    last = last
      .then(sweep)
      .catch((error: unknown) => logger.warn({ err: error }, 'what is over, or was observed, could not be recorded'));
  }, SWEEP_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await last;
    },
  };
}
