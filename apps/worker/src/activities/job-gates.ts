import { activityInfo } from '@temporalio/activity';
import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { durationMs, gateJobName, type GateSample, type JobGate } from '@scc/plan';
import type { MigrationTarget, WebhookRequest } from '@scc/migration/contract';
import { createdMs, isSince, readRuns, runOf } from '../cluster/cron-jobs.js';
import {
  endOfGateJob,
  gateJobOf,
  gatePodLabels,
  isGateJobOf,
  servicesPicking,
  sourceIdOf,
} from '../cluster/gate-jobs.js';
import { until } from './pace.js';

const POLL_MS = 1_000;
/** How long the controller of Jobs may take to say that a Job is over its time, in milliseconds. */
const GRACE_MS = 30_000;
const GONE_MS = 60_000;

type Judged = Pick<GateSample, 'verdict' | 'detail'>;

/**
 * Runs the Jobs of one moment and judges them by how they end. Each is taken away when it was judged; one that a worker
 * which died has begun is gone on with.
 */
export async function runJobGates(
  kube: KubeClient,
  target: MigrationTarget,
  at: WebhookRequest['at'],
): Promise<GateSample[]> {
  const gates = (target.jobs ?? []).filter((gate) => gate.at === at);
  const ended = await Promise.allSettled(gates.map((gate) => new GateJob(kube, target, gate).run()));
  // Not one is left running behind the failure of another.
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

class GateJob {
  readonly #kube: KubeClient;
  readonly #target: MigrationTarget;
  readonly #gate: JobGate;
  readonly #id: ObjectId;

  constructor(kube: KubeClient, target: MigrationTarget, gate: JobGate) {
    this.#kube = kube;
    this.#target = target;
    this.#gate = gate;
    const { namespace, name } = target.ref;
    this.#id = { apiVersion: 'batch/v1', kind: 'Job', namespace, name: gateJobName(name, gate.name, gate.at) };
  }

  async run(): Promise<GateSample> {
    try {
      return this.#sampleOf(await this.#judged());
    } finally {
      await this.#remove();
    }
  }

  async #judged(): Promise<Judged> {
    const made = await this.#made();
    if ('verdict' in made) return made;
    const { uid } = made.job.metadata;
    const { timeout } = this.#gate;
    const endMs = Math.max(createdMs(made.job), Date.now() - durationMs(timeout)) + durationMs(timeout) + GRACE_MS;
    const look = async (): Promise<Judged | undefined> => {
      const job = await this.#kube.get(this.#id);
      if (!job || job.metadata.uid !== uid) return fails(`Job ${this.#id.name} was deleted before it ended`);
      const isLate = Date.now() >= endMs;
      if (endOfGateJob(job, []) === null)
        return isLate ? fails(`Job ${this.#id.name} has not ended within ${timeout}`) : undefined;
      // Its pods only say how it ended: they are read once.
      const { pods } = await readRuns(this.#kube, this.#target.ref.namespace);
      return endOfGateJob(job, runOf(job, pods).pods) ?? undefined;
    };
    return until(look, { everyMs: POLL_MS, timeoutMs: Infinity, expired: () => new Error('no end') });
  }

  /** The Job of this try, or why there can be none. */
  async #made(): Promise<{ job: KubeObject } | Judged> {
    const existing = await this.#kube.get(this.#id);
    if (existing && !isGateJobOf(existing, this.#target.ref))
      return fails(`Job ${this.#id.name} exists and is none of this plan's: remove or rename it`);
    const isDeleted = existing?.metadata.deletionTimestamp !== undefined;
    if (existing && !isDeleted && isSince(existing, activityInfo().scheduledTimestampMs)) return { job: existing };
    await this.#remove();
    const { namespace } = this.#target.ref;
    const source = await this.#kube.get(sourceIdOf(this.#gate, namespace));
    const { kind, name } = this.#gate.from;
    if (!source) return fails(`${kind} ${name} is not there`);
    const { items } = await this.#kube.list({ apiVersion: 'v1', kind: 'Service' }, { namespace });
    const picking = servicesPicking(items, gatePodLabels(source, this.#gate, this.#target.ref.name));
    if (picking.length > 0) return fails(`Service ${picking.join(', ')} would pick the pods of ${kind} ${name}`);
    return { job: await this.#kube.create(gateJobOf(source, this.#gate, this.#target.ref)) };
  }

  async #remove(): Promise<void> {
    const job = await this.#kube.get(this.#id);
    if (!job || !isGateJobOf(job, this.#target.ref)) return;
    const { uid = '' } = job.metadata;
    await this.#kube.delete(this.#id, { propagation: 'Foreground', uid });
    const startMs = performance.now();
    // Its pods are given the time to end; it goes all the same when this does not wait for it.
    while ((await this.#kube.get(this.#id))?.metadata.uid === uid && performance.now() - startMs < GONE_MS)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  #sampleOf(judged: Judged): GateSample {
    return { gate: this.#gate.name, at: new Date().toISOString(), value: null, ...judged };
  }
}

const fails = (detail: string): Judged => ({ verdict: 'fail', detail });
