import type { KubeObject } from '@scc/kube';
import { z } from 'zod';

const words = z.array(z.string()).default([]);
const roleSchema = z.looseObject({
  aggregationRule: z.unknown().optional(),
  rules: z
    .array(
      z.looseObject({
        verbs: words,
        apiGroups: words,
        resources: words,
        resourceNames: words,
        nonResourceURLs: words,
      }),
    )
    .nullish(),
});

const isOnly = (list: readonly string[], word: string): boolean =>
  list.length > 0 && list.every((item) => item === word);

/**
 * Whether binding a role gives the use of one SCC and nothing else. A plan that binds any other gives its ServiceAccount
 * rights that nobody was asked about. A role that is put together from others may hold anything a moment later.
 */
export function grantsUseAlone(role: KubeObject, scc: string): boolean {
  const { data } = roleSchema.safeParse(role);
  if (!data || data.aggregationRule !== undefined) return false;
  const rules = data.rules ?? [];
  return (
    rules.length > 0 &&
    rules.every(
      ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }) =>
        isOnly(verbs, 'use') &&
        isOnly(apiGroups, 'security.openshift.io') &&
        isOnly(resources, 'securitycontextconstraints') &&
        isOnly(resourceNames, scc) &&
        nonResourceURLs.length === 0,
    )
  );
}
