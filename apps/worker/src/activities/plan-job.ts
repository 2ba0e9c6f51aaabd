import { activityInfo } from '@temporalio/activity';
import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { durationMs, type PlanRef } from '@scc/plan';
import { createdMs, isSince, readRuns, runOf } from '../cluster/cron-jobs.js';
import { endOfGateJob, isGateJobOf } from '../cluster/gate-jobs.js';
import { until } from './pace.js';

const POLL_MS = 1_000;
/** How long the controller of Jobs may take to say that a Job is over its time, in milliseconds. */
const GRACE_MS = 30_000;
const GONE_MS = 60_000;

/** There was no end to read: why. */
export interface NoEnd {
  noEnd: string;
}

interface Asked<Result> {
  /** The Job, or why there can be none. */
  make: () => Promise<KubeObject | NoEnd>;
  /** A duration as a plan writes it. */
  timeout: string;
  /** Reads how it ended, while it and its pods are still there. */
  ended: (job: KubeObject, pods: KubeObject[]) => Promise<Result>;
}

/** A Job that a plan runs once: one that a worker which died has begun is gone on with, and it is taken away in the end. */
export class PlanJob {
  readonly #kube: KubeClient;
  readonly #ref: PlanRef;
  readonly #id: ObjectId;

  constructor(kube: KubeClient, ref: PlanRef, name: string) {
    this.#kube = kube;
    this.#ref = ref;
    this.#id = { apiVersion: 'batch/v1', kind: 'Job', namespace: ref.namespace, name };
  }

  async run<Result>(asked: Asked<Result>): Promise<Result | NoEnd> {
    try {
      return await this.#end(asked);
    } finally {
      await this.#remove();
    }
  }

  /**
   * Takes away what an earlier activity has left running.
   * @throws Error while its pods have not ended
   */
  async end(): Promise<void> {
    await this.#remove();
    const job = await this.#kube.get(this.#id);
    if (job && isGateJobOf(job, this.#ref)) throw new Error(`Job ${this.#id.name} has not ended yet`);
  }

  async #end<Result>({ make, timeout, ended }: Asked<Result>): Promise<Result | NoEnd> {
    const made = await this.#made(make);
    if ('noEnd' in made) return made;
    const { job: mine } = made;
    const { uid } = mine.metadata;
    const endMs = Math.max(createdMs(mine), Date.now() - durationMs(timeout)) + durationMs(timeout) + GRACE_MS;
    const look = async (): Promise<{ result: Result } | NoEnd | undefined> => {
      const job = await this.#kube.get(this.#id);
      if (!job || job.metadata.uid !== uid) return { noEnd: `Job ${this.#id.name} was deleted before it ended` };
      const isLate = Date.now() >= endMs;
      if (endOfGateJob(job, []) === null)
        return isLate ? { noEnd: `Job ${this.#id.name} has not ended within ${timeout}` } : undefined;
      // Its pods only say how it ended: they are read once.
      const { pods } = await readRuns(this.#kube, this.#ref.namespace);
      return { result: await ended(job, runOf(job, pods).pods) };
    };
    const found = await until(look, { everyMs: POLL_MS, timeoutMs: Infinity, expired: () => new Error('no end') });
    return 'noEnd' in found ? found : found.result;
  }

  /** The Job of this try, or why there can be none. */
  async #made(make: Asked<unknown>['make']): Promise<{ job: KubeObject } | NoEnd> {
    const existing = await this.#kube.get(this.#id);
    if (existing && !isGateJobOf(existing, this.#ref))
      return { noEnd: `Job ${this.#id.name} exists and is none of this plan's: remove or rename it` };
    const isDeleted = existing?.metadata.deletionTimestamp !== undefined;
    if (existing && !isDeleted && isSince(existing, activityInfo().scheduledTimestampMs)) return { job: existing };
    await this.#remove();
    const wanted = await make();
    return 'noEnd' in wanted ? (wanted as NoEnd) : { job: await this.#kube.create(wanted) };
  }

  async #remove(): Promise<void> {
    const job = await this.#kube.get(this.#id);
    if (!job || !isGateJobOf(job, this.#ref)) return;
    const { uid = '' } = job.metadata;
    await this.#kube.delete(this.#id, { propagation: 'Foreground', uid });
    const startMs = performance.now();
    // Its pods are given the time to end; it goes all the same when this does not wait for it.
    while ((await this.#kube.get(this.#id))?.metadata.uid === uid && performance.now() - startMs < GONE_MS)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
