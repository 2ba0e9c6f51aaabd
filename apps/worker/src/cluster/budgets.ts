import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';
import { picks } from './selectors.js';

const budgetSchema = z.looseObject({
  spec: z.looseObject({ selector: z.unknown().optional() }).prefault({}),
  status: z.looseObject({ disruptionsAllowed: z.int().default(0) }).prefault({}),
});

/** The first budget that allows no disruption of a pod with these labels now, or null. */
export function forbiddingBudget(budgets: readonly KubeObject[], labels: Readonly<Record<string, string>>) {
  const forbidding = budgets.find((budget) => {
    const { spec, status } = budgetSchema.parse(budget);
    return status.disruptionsAllowed < 1 && picks(spec.selector, labels) === true;
  });
  return forbidding ? (forbidding.metadata.name ?? '') : null;
}

/** The PodDisruptionBudget of the namespace that allows no disruption of a pod with these labels now, or null. */
export async function budgetAgainst(
  kube: Pick<KubeClient, 'list'>,
  { namespace, labels }: { namespace: string; labels: Readonly<Record<string, string>> },
): Promise<string | null> {
  const { items } = await kube.list({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, { namespace });
  return forbiddingBudget(items, labels);
}
