import type { KubeObject } from '@scc/kube';
import type { Afterwards } from '@scc/migration/contract';
import { deliveryToolOf, type PlanSpec, revokeLaterMs, type Violation } from '@scc/plan';

interface SourceReview {
  violations: Violation[];
  warnings: string[];
  /** The patch for the source, where there is one. */
  shown: { kustomizePatch?: string };
}

/** The names that tools give the thing that delivers an object. */
const THING = new Map([
  ['Argo CD', 'application'],
  ['Flux', 'resource'],
  ['Helm', 'release'],
]);

/**
 * A template that a tool delivers comes back at its next delivery, and its pods are then refused: a plan goes on only
 * when it says how the source learns of the change.
 */
export function reviewSource(
  { kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>,
  { gitops }: Pick<PlanSpec, 'gitops'>,
  kustomizePatch: string,
): SourceReview {
  const found = deliveryToolOf(metadata);
  if (!found) return { violations: [], warnings: [], shown: {} };
  const by =
    found.name === null
      ? found.tool
      : `${found.tool} (${[THING.get(found.tool), found.name].filter(Boolean).join(' ')})`;
  if (gitops === undefined)
    return {
      violations: [
        {
          code: 'DeliveredFromSource',
          field: 'spec.gitops',
          message: `the workload is delivered by ${by}, which would take the change of its template back, and its pods would then be refused`,
          // With its target named, kustomize finds manifests that say their namespace as well as those that do not.
          remedy: `Bring this patch into its source (patches: [{path: FILE, target: {kind: ${kind}, name: ${metadata.name ?? ''}}}] for kustomize) and set spec.gitops: PatchFirst, or set spec.gitops: IKnow.\n${kustomizePatch}`,
        },
      ],
      warnings: [],
      shown: { kustomizePatch },
    };
  const warning =
    gitops === 'PatchFirst'
      ? `the workload is delivered by ${by}: its source must hold the patch in status.kustomizePatch before the next delivery`
      : `the workload is delivered by ${by}, which may take the change of its template back`;
  return { violations: [], warnings: [warning], shown: { kustomizePatch } };
}

/** The work once the migration is over; undefined where there is none. */
export function afterwardsOf(
  metadata: KubeObject['metadata'],
  { grants }: Pick<PlanSpec, 'grants'>,
): Afterwards | undefined {
  const isDelivered = deliveryToolOf(metadata) !== undefined;
  const revokeMs = revokeLaterMs(grants, isDelivered);
  return isDelivered || revokeMs !== null ? { revokeMs } : undefined;
}
