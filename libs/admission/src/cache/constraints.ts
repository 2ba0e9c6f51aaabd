import { type CompiledSCCs, compileSCCs, sccSchema, type SecurityContextConstraints } from '@scc/scc';
import type { Logger } from '@scc/runtime';

/** The SCCs of the cluster in the form that decisions use. */
export class Constraints {
  readonly #known = new Map<string, SecurityContextConstraints>();
  #compiled: CompiledSCCs | undefined;

  constructor(private readonly logger: Logger) {}

  /** An SCC that cannot be read is left out: that takes rights away and gives none. */
  set(name: string, object: unknown): void {
    const parsed = object === undefined ? undefined : sccSchema.safeParse(object);
    if (parsed?.success) this.#known.set(name, parsed.data);
    else this.#known.delete(name);
    if (parsed?.error) this.logger.error({ scc: name, issues: parsed.error.issues }, 'an SCC cannot be read');
    this.#compiled = undefined;
  }

  /** Compiled once after each change. */
  get compiled(): CompiledSCCs {
    this.#compiled ??= compileSCCs([...this.#known.values()]);
    return this.#compiled;
  }
}
