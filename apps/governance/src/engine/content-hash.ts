import { createHash } from 'node:crypto';
import { canonicalBytes, type JsonValue } from '@scc/audit';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import { z } from 'zod';

/** The content of the SCCs that the decision was made about, by hash; null while the registry has not seen one. */
export interface SCCVersions {
  source: string | null;
  target: string | null;
}

const json: z.ZodType<JsonValue> = z.json();

/** Hex SHA-256 of the canonical JSON (RFC 8785) of a value. */
export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalBytes(json.parse(JSON.parse(JSON.stringify(value)))))
    .digest('hex');

/**
 * What an approval is bound to. `suspend` is left out: suspending and resuming does not change what was approved.
 */
export function contentHashOf(
  request: EvaluationRequest,
  versions: SCCVersions,
  band: Evaluation['risk']['band'],
): string {
  const spec = { ...request.spec, suspend: undefined };
  const { namespace, name, uid } = request.plan;
  return hashOf({
    plan: { namespace, name, uid },
    spec,
    patchedTemplate: request.facts.patchedTemplate,
    sccs: { sourceSCC: request.facts.sourceSCC, targetSCC: request.facts.targetSCC, versions },
    band,
  });
}
