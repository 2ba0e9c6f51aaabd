import type { Informer } from '@scc/kube';
import { addGauge } from '@scc/runtime';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import type { KeyQueue } from './key-queue.js';
import type { ReconcileOutcome } from './reconcile.js';

/** What Prometheus reads from the watcher. */
export class WatcherMetrics {
  readonly #registry = new Registry();
  readonly #reconciles = new Counter({
    name: 'scc_watcher_reconciles_total',
    help: 'Looks at a plan, by what came of them.',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  #queue: KeyQueue | undefined;
  #informer: Informer | undefined;
  #backlog = 0;

  constructor(isLeading: () => boolean) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('scc_watcher_leading', 'Whether this replica leads.', () => (isLeading() ? 1 : 0));
    this.#gauge('scc_watcher_plans', 'Plans in the cluster.', () => (isLeading() ? this.#plans() : 0));
    this.#gauge('scc_watcher_keys', 'Plans that wait to be looked at.', () => this.#queue?.size ?? 0);
    this.#gauge('scc_watcher_silence_seconds', 'Since the API server last said anything about plans.', () =>
      isLeading() ? (this.#informer?.lastContactMs() ?? 0) / 1000 : 0,
    );
    this.#gauge(
      'scc_watcher_task_wait_seconds',
      'How long the oldest task has waited for a worker.',
      () => this.#backlog,
    );
  }

  /** @param seconds how long the oldest task has waited for a worker */
  waited(seconds: number): void {
    this.#backlog = seconds;
  }

  watches(queue: KeyQueue, informer: Informer): void {
    this.#queue = queue;
    this.#informer = informer;
  }

  reconciled(outcome: ReconcileOutcome | 'failed'): void {
    this.#reconciles.inc({ outcome });
  }

  async scrape(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #plans(): number {
    return this.#informer?.list().length ?? 0;
  }

  #gauge(name: string, help: string, read: () => number): void {
    addGauge(this.#registry, { name, help, read });
  }
}
