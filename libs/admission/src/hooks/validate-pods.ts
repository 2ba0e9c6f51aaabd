import { type AdmissionRequest, validatePass, type Validation } from '@scc/scc';
import { ALLOWED, type Answer, denied, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { Hook, HookContext } from './hook.js';
import { answerPod, remediesOf } from './pod-request.js';
import type { ReplicaMutations } from './replica-mutations.js';

/**
 * On OpenShift its own plugin decides. That we decide otherwise is worth knowing: an SCC, a grant or a release differs
 * from what plans were checked against.
 */
const drift = (message: string): Answer => ({
  allowed: true,
  warnings: [`scc.poc would refuse this pod: ${message}`],
  audit: { drift: message },
});

/** The validating pass on the final pod, in spite of what other webhooks did to it after the mutating one. */
export function validatePods({ cache, config }: HookContext, replicaMutations: ReplicaMutations): Hook {
  const answerOf = (validation: Validation): Answer => {
    if (validation.decision === 'ignored') return ALLOWED;
    if (validation.decision === 'accepted')
      return { allowed: true, audit: { scc: validation.scc, 'subject-type': validation.subjectType } };
    if (config.mode === 'openshift') return drift(validation.message);
    return denied(validation.message, {
      warnings: remediesOf(validation.failures),
      audit: { reason: validation.reason },
    });
  };
  const judge = (asked: AdmissionRequest, { dryRun }: ReviewRequest): ReviewOutcome => {
    const { pod, operation, namespace } = asked;
    const validation = validatePass(asked, cache.constraints.compiled);
    const answer = answerOf(validation);
    if (validation.decision !== 'accepted' || dryRun === true) return answer;
    const { scc, subjectType } = validation;
    return {
      ...answer,
      hint: { pod, operation, scc, subjectType, mutations: replicaMutations.of(namespace.name, pod) },
    };
  };
  return {
    path: '/validate/pods',
    whenUndecided: config.mode === 'openshift' ? 'allow' : 'deny',
    decide: (request, budget) => answerPod(request, { cache, config, budget }, (asked) => judge(asked, request)),
  };
}
