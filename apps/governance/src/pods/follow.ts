import type { MakeInformer } from '@scc/kube';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { hasEnded, observePod, type PodObservation } from './observation.js';
import { PodQueue } from './queue.js';
import { reconcilePods, trackPods } from './tracking.js';

const POD_KIND = { apiVersion: 'v1', kind: 'Pod' };
const RECONCILE_MS = 5 * 60_000;
/** How soon news that could not be written is made up for. */
const HEAL_MS = 10_000;
const QUEUE = { capacity: 20_000, batchSize: 500, everyMs: 200 };

/** Follows the pods of the cluster, and takes hints from admission. */
export class PodTracker {
  private readonly queue: PodQueue;
  private readonly informer: ReturnType<MakeInformer> | null;
  private timer: NodeJS.Timeout | null = null;
  private reconciling: Promise<void> = Promise.resolve();
  private reconciledAt = 0;
  private droppedBefore = 0;

  /** @param makeInformer null when there is no cluster: hints are still taken. */
  constructor(
    private readonly source: DataSource,
    makeInformer: MakeInformer | null,
    private readonly logger: Logger,
  ) {
    this.queue = new PodQueue({ ...QUEUE, logger, write: (news) => trackPods(source, news) });
    this.informer = makeInformer?.(POD_KIND, (_key, current, previous) => this.saw(current, previous)) ?? null;
  }

  start(): void {
    if (!this.informer) return;
    this.informer.start();
    this.informer.synced
      .then(() => this.reconcile())
      .catch((error: unknown) => this.logger.warn({ err: error }, 'pods are not synced'));
    this.timer = setInterval(() => this.healOrReconcile(), HEAL_MS);
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.informer?.stop();
    await this.reconciling;
    await this.queue.flush();
  }

  /** Pods that admission has let in. Never blocks, never throws. */
  hint(pods: readonly PodObservation[]): void {
    for (const pod of pods) this.queue.add({ type: 'hint', pod, at: new Date() });
  }

  /** For metrics: how much waits, was written, and was dropped and left to the next reconciliation. */
  counts(): { waiting: number; written: number; dropped: number } {
    return { waiting: this.queue.size, written: this.queue.written, dropped: this.queue.dropped };
  }

  private saw(current: unknown, previous: unknown): void {
    const at = new Date();
    const pod = observePod(current);
    if (pod && !hasEnded(current)) this.queue.add({ type: 'seen', pod, at });
    const gone = observePod(current ?? previous);
    if (gone && (current === undefined || hasEnded(current))) this.queue.add({ type: 'gone', uid: gone.uid, at });
    const before = observePod(previous);
    // Deleted and made again under the same name between two looks.
    if (pod && before && before.uid !== pod.uid) this.queue.add({ type: 'gone', uid: before.uid, at });
  }

  private healOrReconcile(): void {
    const isDue = performance.now() - this.reconciledAt >= RECONCILE_MS;
    if (isDue || this.queue.dropped > this.droppedBefore) this.reconcile();
  }

  private reconcile(): void {
    this.reconciledAt = performance.now();
    this.droppedBefore = this.queue.dropped;
    this.reconciling = this.reconciling
      .then(() => this.bringInLine())
      .catch((error: unknown) => this.logger.warn({ err: error }, 'reconciling pods failed'));
  }

  private async bringInLine(): Promise<void> {
    const listedAt = new Date();
    const running = (this.informer?.list() ?? []).filter((object) => !hasEnded(object));
    const pods = running.flatMap((object) => observePod(object) ?? []);
    for (const pod of pods) this.queue.add({ type: 'seen', pod, at: listedAt });
    await this.queue.flush();
    const healed = await reconcilePods(
      this.source,
      pods.map(({ uid }) => uid),
      listedAt,
    );
    if (healed > 0) this.logger.info({ pods: healed }, 'pods that are gone were still tracked');
  }
}
