import { checkExec, podSchema } from '@scc/scc';
import { ALLOWED, denied, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { Hook, HookContext } from './hook.js';
import { admissionRequest, requesterOf } from './pod-request.js';

const OPTIONS: Record<string, 'exec' | 'attach'> = { PodExecOptions: 'exec', PodAttachOptions: 'attach' };

/** May the caller exec into a pod? Only where they could have created it. */
export function checkExecs({ cache, config }: HookContext): Hook {
  return {
    path: '/validate/exec',
    whenUndecided: 'deny',
    decide: ({ operation, kind, subResource, namespace, name, ...request }: ReviewRequest): ReviewOutcome => {
      const subresource = OPTIONS[kind.kind];
      if (operation !== 'CONNECT' || !subresource || subresource !== subResource || !namespace || !name)
        return notUnderstood('it is not about exec or attach to a pod');
      if (!config.checkExec) return ALLOWED;
      const known = cache.namespaces.get(namespace);
      const pod = podSchema.safeParse(cache.pod(namespace, name));
      if (!known || !pod.success) return { undecided: `pod ${namespace}/${name} is not known yet` };
      const requester = requesterOf({ operation, kind, subResource, namespace, name, ...request });
      const asked = admissionRequest(cache, { operation: 'CREATE', pod: pod.data, namespace: known }, requester);
      const decision = checkExec({ ...asked, subresource }, cache.constraints.compiled);
      return decision.allowed ? ALLOWED : denied(decision.message);
    },
  };
}
