import type { KubeObject } from '@scc/kube';
import { z } from 'zod';

const phaseSchema = z.looseObject({ phase: z.string() });

/**
 * Why the product must not be taken away now, with every plan that it still works for; null when it may. The engine holds
 * such a plan by its finalizer until nothing is left to undo.
 */
export function refusal(plans: readonly KubeObject[], finalizer: string): string | null {
  const running = plans.filter(({ metadata }) => metadata.finalizers?.includes(finalizer));
  if (running.length === 0) return null;
  const lines = running.map((plan) => {
    const { phase } = phaseSchema.safeParse(plan['status']).data ?? { phase: 'Pending' };
    return `  ${plan.metadata.namespace ?? ''}/${plan.metadata.name ?? ''}  ${phase}`;
  });
  return [
    `cannot uninstall: ${running.length === 1 ? 'a migration is' : `${running.length} migrations are`} not finished:`,
    ...lines,
    'Wait for them, or delete the plans, which undoes their work: kubectl -n NAMESPACE delete sccmp NAME',
    'Helm now takes the release for one that is being uninstalled. Before an upgrade: helm rollback RELEASE REVISION, with its newest revision',
  ].join('\n');
}
