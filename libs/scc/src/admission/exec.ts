import type { CompiledSCCs } from '../model/compile.js';
import { type AdmissionRequest } from './request.js';
import { decide } from './decide.js';

export type ExecRequest = Omit<AdmissionRequest, 'operation' | 'subresource' | 'oldPod'> & {
  readonly subresource: 'exec' | 'attach';
};

export type ExecDecision =
  { readonly allowed: true; readonly scc: string | undefined } | { readonly allowed: false; readonly message: string };

/**
 * May the requester exec into, or attach to, a stored pod? Yes when that pod could be created again by the requester,
 * be it under another SCC than the one it runs under; pods that admission ignores are not restricted.
 */
export function checkExec({ subresource, ...request }: ExecRequest, compiled: CompiledSCCs): ExecDecision {
  const decision = decide({ ...request, operation: 'CREATE' }, compiled);
  switch (decision.decision) {
    case 'ignored':
      return { allowed: true, scc: undefined };
    case 'admitted':
      return { allowed: true, scc: decision.scc };
    case 'rejected':
      return {
        allowed: false,
        message: `${subresource} operation is not allowed because the pod's security context exceeds your permissions: ${decision.message}`,
      };
  }
}
