import type { KubeClient } from '@scc/kube';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { editKey, enterObserved, type Managers, unexplainedEdits } from './observed.js';
import { eventOf, type JudgedChange } from './unplanned.js';
import { forgetWrites, managerOf } from './writes.js';

/** The calls of the Kubernetes API by which the registry learns who changed something, and tells of it. */
export type RegistryCluster = Pick<KubeClient, 'list' | 'recordEvent'>;

interface Deps {
  source: DataSource;
  /** Null without a cluster: changes are then recorded without their writers, and no event tells of them. */
  cluster: RegistryCluster | null;
  logger: Logger;
}

/** Enters what is observed into the registry, with those who did it, and tells of it by an event of the workload. */
export async function recordObserved({ source, cluster, logger }: Deps, now: Date): Promise<void> {
  const managers = cluster ? await askManagers(source, cluster, logger) : new Map<string, string>();
  const recorded = await inTransaction(source, async (tx) => {
    const changes: JudgedChange[] = [];
    await enterObserved(tx, now, { managers, recorded: changes });
    await forgetWrites(tx, now);
    return changes;
  });
  for (const change of recorded) {
    logger.warn({ ...change.workload, to: change.to, relation: change.relation }, 'an SCC changed without a plan');
    await cluster?.recordEvent(eventOf(change)).catch((error: unknown) => {
      logger.warn({ err: error, ...change.workload }, 'a change without a plan could not be told by an event');
    });
  }
}

async function askManagers(source: DataSource, cluster: RegistryCluster, logger: Logger): Promise<Managers> {
  const managers = new Map<string, string>();
  for (const { object, ...between } of await unexplainedEdits(source))
    try {
      const manager = await managerOf(cluster, object, between);
      if (manager !== null) managers.set(editKey(object), manager);
    } catch (error) {
      // The change is recorded all the same, without its manager.
      logger.warn({ err: error, ...object }, 'the writer of a change without a plan could not be asked for');
      return managers;
    }
  return managers;
}
