import { hashOf } from '@scc/audit';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import type { SCCVersions } from '../registry/versions.js';

/**
 * What an approval is bound to. `suspend` is left out: suspending and resuming does not change what was approved.
 */
export function contentHashOf(
  request: EvaluationRequest,
  { source, target }: SCCVersions,
  band: Evaluation['risk']['band'],
): string {
  const spec = { ...request.spec, suspend: undefined };
  const { namespace, name, uid } = request.plan;
  return hashOf({
    plan: { namespace, name, uid },
    spec,
    patchedTemplate: request.facts.patchedTemplate,
    sccs: { sourceSCC: request.facts.sourceSCC, targetSCC: request.facts.targetSCC, versions: { source, target } },
    band,
  });
}
