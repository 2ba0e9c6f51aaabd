import { ENFORCE_LABEL } from '@scc/plan';
import type { Namespace } from '@scc/scc';
import { z } from 'zod';

const strings = z.record(z.string(), z.string()).nullish();
const namespaceSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string().min(1), labels: strings, annotations: strings }),
});

export const isEnforced = (namespace: Namespace | undefined): boolean => namespace?.labels?.[ENFORCE_LABEL] === 'true';

/** The namespaces of the cluster, and a way to wait for what their next event may bring. */
export class Namespaces {
  readonly #known = new Map<string, Namespace>();
  #waiting: (() => void)[] = [];

  set(name: string, object: unknown): void {
    const parsed = namespaceSchema.safeParse(object);
    if (parsed.success) this.#known.set(name, parsed.data.metadata);
    else this.#known.delete(name);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  get(name: string): Namespace | undefined {
    return this.#known.get(name);
  }

  list(): Namespace[] {
    return [...this.#known.values()];
  }

  /** Resolves with the next change of any namespace. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
