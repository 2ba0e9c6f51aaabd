import { isTerminal, type Phase, phaseSchema, planLabelValue, workloadRefSchema } from '@scc/plan';
import { z } from 'zod';

const planSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.looseObject({
    workloadRef: workloadRefSchema,
    targetSCC: z.string(),
    sourceSCC: z.string().optional(),
    dryRun: z.boolean().default(false),
  }),
  status: z.looseObject({ phase: phaseSchema.optional(), sourceSCC: z.string().optional() }).optional(),
});

/** A migration that is under way. */
export interface ActiveMigration {
  readonly namespace: string;
  readonly plan: string;
  readonly workload: { readonly kind: string; readonly name: string };
  readonly targetSCC: string;
  /** Unknown until the engine has observed it. */
  readonly sourceSCC: string | undefined;
}

/** While grants of both SCCs may exist side by side. */
const isActive = (phase: Phase | undefined): boolean =>
  phase !== undefined && phase !== 'Pending' && !isTerminal(phase);

/** The migrations that are under way, by workload. */
export class Plans {
  readonly #active = new Map<string, ActiveMigration>();

  set(key: string, object: unknown): void {
    const parsed = planSchema.safeParse(object);
    if (!parsed.success || parsed.data.spec.dryRun || !isActive(parsed.data.status?.phase)) {
      this.#active.delete(key);
      return;
    }
    const { metadata, spec, status } = parsed.data;
    this.#active.set(key, {
      namespace: metadata.namespace,
      plan: metadata.name,
      workload: { kind: spec.workloadRef.kind, name: spec.workloadRef.name },
      targetSCC: spec.targetSCC,
      sourceSCC: status?.sourceSCC ?? spec.sourceSCC,
    });
  }

  list(): ActiveMigration[] {
    return [...this.#active.values()];
  }

  ofWorkload(namespace: string, kind: string, name: string): ActiveMigration | undefined {
    return this.list().find(
      (plan) => plan.namespace === namespace && plan.workload.kind === kind && plan.workload.name === name,
    );
  }

  /** The migration whose canary's objects carry this value of the plan's label. */
  ofLabel(namespace: string, label: string | undefined): ActiveMigration | undefined {
    return this.list().find(
      (migration) => migration.namespace === namespace && planLabelValue(migration.plan) === label,
    );
  }
}
