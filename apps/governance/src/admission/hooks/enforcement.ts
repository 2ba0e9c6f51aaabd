import type { Namespace } from '@scc/scc';

/** The label by which a namespace is under SCC admission on plain Kubernetes; the webhooks' selectors name it, too. */
export const ENFORCE_LABEL = 'scc.poc/enforce';

export const isEnforced = (namespace: Namespace | undefined): boolean => namespace?.labels?.[ENFORCE_LABEL] === 'true';
