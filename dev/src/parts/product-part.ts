import { setTimeout as delay } from 'node:timers/promises';
import { KILLED, type Execution } from '../kubelet/execution.js';
import type { WorkloadContainers } from '../kubelet/workloads.js';
import { PartError, READY_TIMEOUT_MS, tailOf, type NamedPart, type ProcessState } from '../supervisor/process.js';

const STOP_TIMEOUT_MS = 10_000;

export interface ProductPartOptions {
  name: string;
  /** The name label of its pods. */
  label: string;
  replicas: number;
  workloads: WorkloadContainers;
  logFile: string;
  /** Applies what the part consists of; called at the first start. */
  install: () => Promise<void>;
  /** Whether others reach it. */
  isReached: () => boolean;
}

/**
 * The pods of one Deployment as a part of the stack. Killed or stopped, its containers are held back by their node until
 * it is started again, while the Deployment and its pods stay.
 */
export class ProductPart implements NamedPart {
  readonly name: string;
  readonly #options: ProductPartOptions;
  #installed: Promise<void> | undefined;

  constructor(options: ProductPartOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get state(): ProcessState {
    const { workloads, label, replicas } = this.#options;
    if (this.#installed === undefined || workloads.isHeld(label)) return 'stopped';
    const views = workloads.of(label).map(({ view }) => view);
    if (views.filter(({ ready }) => ready).length >= replicas) return 'ready';
    const isFailing = views.some(({ state }) => 'waiting' in state && state.waiting.reason === 'CrashLoopBackOff');
    return isFailing ? 'failed' : 'starting';
  }

  async start(): Promise<void> {
    const { workloads, label, install, isReached, logFile } = this.#options;
    workloads.release(label);
    await (this.#installed ??= install());
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (this.state !== 'ready' || !isReached()) {
      if (performance.now() > deadline)
        throw new PartError(
          `${this.name} was not ready within ${READY_TIMEOUT_MS} ms (${this.#states()})\n${await tailOf(logFile)}`,
        );
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    const { workloads, label } = this.#options;
    workloads.hold(label);
    await Promise.all(workloads.of(label).flatMap(({ execution }) => execution?.stop(STOP_TIMEOUT_MS) ?? []));
  }

  async kill(): Promise<void> {
    const { workloads, label } = this.#options;
    workloads.hold(label);
    await Promise.all(
      workloads.of(label).map(async ({ execution }) => {
        execution?.kill(KILLED);
        await execution?.ended;
      }),
    );
  }

  signal(signal: NodeJS.Signals): void {
    const { workloads, label } = this.#options;
    for (const { execution } of workloads.of(label)) execution?.signal(signal);
  }

  /** The part that is one of its pods, by its place among them from 1 on. */
  pod(place: number): NamedPart {
    const { workloads, label } = this.#options;
    const execution = (): Execution => {
      const found = workloads.of(label)[place - 1]?.execution;
      if (!found) throw new PartError(`${this.name} has no pod ${place} that runs`);
      return found;
    };
    const state = (): ProcessState => this.state;
    return {
      name: `${this.name}-${place}`,
      get state() {
        return state();
      },
      start: () => this.start(),
      stop: async () => {
        await workloads.of(label)[place - 1]?.execution?.stop(STOP_TIMEOUT_MS);
      },
      kill: async () => {
        const { kill, ended } = execution();
        kill(KILLED);
        await ended;
      },
      signal: (signal) => execution().signal(signal),
    };
  }

  #states(): string {
    const { workloads, label } = this.#options;
    const states = workloads.of(label).map(({ view }) => JSON.stringify(view.state));
    return states.length === 0 ? 'it has no pod' : states.join(', ');
  }
}
