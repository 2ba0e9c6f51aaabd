import type { PlanSpec } from '@scc/plan';
import {
  accountOf,
  applyTemplatePatch,
  mergePatches,
  type PodTemplate,
  podTemplateSchema,
  type TemplatePatch,
} from '@scc/scc';

export interface WantedTemplate {
  template: PodTemplate;
  /** The change that makes it; empty where the plan wants none. */
  patch: TemplatePatch;
}

/**
 * The user's own patch, then their other ServiceAccount.
 *
 * @throws ZodError when the result is no pod template, TypeError for a malformed patch.
 */
export function asUserWants(
  template: PodTemplate,
  { podSecurity, serviceAccountName: account }: Pick<PlanSpec, 'podSecurity' | 'serviceAccountName'>,
): WantedTemplate {
  const ownAccount: TemplatePatch =
    account === undefined ? {} : { spec: { serviceAccountName: account, serviceAccount: account } };
  const patch = mergePatches(podSecurity.patch, ownAccount);
  return { template: Object.keys(patch).length === 0 ? template : applyTemplatePatch(template, patch), patch };
}

/**
 * The ServiceAccount that the migrated pods run as, by whatever path the plan names it. The target is granted to no
 * other. The deprecated field counts where `serviceAccountName` is not set, as in the API server. A patch that cannot be
 * applied names none: it is refused with the template.
 */
export function wantedAccount(
  written: unknown,
  spec: Pick<PlanSpec, 'podSecurity' | 'serviceAccountName'>,
): string | undefined {
  const before = podTemplateSchema.safeParse(written);
  if (!before.success) return undefined;
  try {
    return accountOf(asUserWants(before.data, spec).template.spec);
  } catch {
    return undefined;
  }
}
