import type { ContainerRunner } from './container-runner.js';
import type { End } from './execution.js';

/** The name by which a part's pods are known. */
export const PART_LABEL = 'app.kubernetes.io/name';

/** The containers that run here, by their pods' name label, and which of them are held back from starting. */
export class WorkloadContainers {
  readonly #runners = new Map<string, Set<ContainerRunner>>();
  readonly #held = new Map<string, PromiseWithResolvers<void>>();
  /** Told about each container that ended by itself and is started again. */
  readonly crashed: (name: string, end: End) => void;

  constructor(crashed: (name: string, end: End) => void) {
    this.crashed = crashed;
  }

  of(name: string): ContainerRunner[] {
    return [...(this.#runners.get(name) ?? [])];
  }

  add(name: string, runner: ContainerRunner): void {
    const runners = this.#runners.get(name) ?? new Set();
    this.#runners.set(name, runners.add(runner));
  }

  remove(name: string, runner: ContainerRunner): void {
    this.#runners.get(name)?.delete(runner);
  }

  /** From now on no container of this name starts. */
  hold(name: string): void {
    if (!this.#held.has(name)) this.#held.set(name, Promise.withResolvers());
  }

  release(name: string): void {
    this.#held.get(name)?.resolve();
    this.#held.delete(name);
  }

  isHeld(name: string): boolean {
    return this.#held.has(name);
  }

  /** Resolves when containers of this name may start. */
  async released(name: string): Promise<void> {
    await this.#held.get(name)?.promise;
  }
}
