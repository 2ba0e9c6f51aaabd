import type { KubeObject, ObjectId } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import type { Conflict } from '@scc/routing';

/** The user's own workload as an object, of whatever kind it is. */

export const workloadId = ({ ref, kind, workload }: MigrationTarget): ObjectId => ({
  apiVersion: 'apps/v1',
  kind,
  namespace: ref.namespace,
  name: workload,
});

export const templateOf = (object: KubeObject): unknown => (object['spec'] as { template: unknown }).template;

/** What an undo says of a workload that is not there any more. */
export const gone = ({ kind, workload }: MigrationTarget): Conflict => ({
  object: `${kind} ${workload}`,
  fields: ['metadata.uid'],
  manager: 'an unknown client (it was deleted or replaced)',
});
