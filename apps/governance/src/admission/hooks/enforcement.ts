import { ENFORCE_LABEL } from '@scc/plan';
import type { Namespace } from '@scc/scc';

/** Whether a namespace is under SCC admission on plain Kubernetes; the webhooks' selectors ask the same. */
export const isEnforced = (namespace: Namespace | undefined): boolean => namespace?.labels?.[ENFORCE_LABEL] === 'true';
