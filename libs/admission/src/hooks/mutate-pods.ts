import { type AdmissionRequest, decide } from '@scc/scc';
import { ALLOWED, denied, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import { patchBetween, type PatchOperation } from '../review/json-patch.js';
import { type Hook, type HookContext, isMachine } from './hook.js';
import { answerPod, remediesOf } from './pod-request.js';
import type { ReplicaMutations } from './replica-mutations.js';

const securityPaths = (patch: readonly PatchOperation[]): string[] =>
  patch.map(({ path }) => path).filter((path) => path.startsWith('/spec/'));

function warningsOf(scc: string, paths: readonly string[], request: ReviewRequest): string[] {
  if (paths.length === 0 || isMachine(request.userInfo.username ?? '')) return [];
  return [`admitted under ${scc}, which sets ${paths.map((path) => path.slice(1).replaceAll('/', '.')).join(', ')}`];
}

/** SCC admission as OpenShift's plugin does it: chooses the SCC and writes what it defaults. */
export function mutatePods({ cache, config }: HookContext, replicaMutations: ReplicaMutations): Hook {
  const judge = (asked: AdmissionRequest, request: ReviewRequest): ReviewOutcome => {
    const decision = decide(asked, cache.constraints.compiled);
    switch (decision.decision) {
      case 'ignored':
        return ALLOWED;
      case 'rejected':
        return denied(decision.message, {
          warnings: remediesOf(decision.failures),
          audit: { reason: decision.reason },
        });
      case 'admitted': {
        const patch = patchBetween(asked.pod, decision.pod);
        const paths = securityPaths(patch);
        replicaMutations.remember(asked.namespace.name, asked.pod, paths);
        return {
          allowed: true,
          patch,
          warnings: warningsOf(decision.scc, paths, request),
          audit: { scc: decision.scc, 'subject-type': decision.subjectType },
        };
      }
    }
  };
  return {
    path: '/mutate/pods',
    whenUndecided: 'allow',
    decide: (request, budget) => answerPod(request, { cache, config, budget }, (asked) => judge(asked, request)),
  };
}
