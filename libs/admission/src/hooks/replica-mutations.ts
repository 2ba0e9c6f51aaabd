import type { Pod } from '@scc/scc';
import { readControllerOf } from '../cache/workloads.js';

const CAPACITY = 2048;

const keyOf = (namespace: string, pod: Pod): string => {
  const owner = readControllerOf(pod);
  if (owner) return `${namespace}/${owner.kind}/${owner.name}`;
  return `${namespace}/${pod.metadata.generateName ?? pod.metadata.name ?? ''}`;
};

/**
 * Which fields admission wrote to the pods of a controller. A pod has no name and no uid yet when it is mutated; its
 * siblings have the same template, so the last of them speaks for all.
 */
export class ReplicaMutations {
  readonly #writes = new Map<string, readonly string[]>();

  remember(namespace: string, pod: Pod, paths: readonly string[]): void {
    const key = keyOf(namespace, pod);
    this.#writes.delete(key);
    this.#writes.set(key, paths);
    if (this.#writes.size <= CAPACITY) return;
    const [oldest] = this.#writes.keys();
    if (oldest !== undefined) this.#writes.delete(oldest);
  }

  of(namespace: string, pod: Pod): readonly string[] {
    return this.#writes.get(keyOf(namespace, pod)) ?? [];
  }
}
