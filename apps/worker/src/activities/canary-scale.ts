import type { KubeClient, ObjectId } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { copyName, FIELD_MANAGER } from '@scc/plan';
import { deploymentSchema, idOf } from '../cluster/objects.js';
import { terminal } from '../failures.js';

/**
 * Gives a canary at least so many pods, and its autoscaler copies no smaller minimum.
 * @throws ApplicationFailure terminal, when the canary is gone
 */
export async function growCanary(kube: KubeClient, target: MigrationTarget, size: number): Promise<void> {
  const { ref, canary: name, autoscalers } = target;
  const id: ObjectId = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ref.namespace, name };
  const canary = await kube.get(id);
  if (!canary) throw terminal('drift', `the canary ${name} was deleted during the migration`);
  for (const { key } of autoscalers) await raiseMinimum(kube, idOf(key), size);
  if (deploymentSchema.parse(canary).spec.replicas >= size) return;
  const body = [
    { op: 'test', path: '/metadata/uid', value: canary.metadata.uid },
    { op: 'replace', path: '/spec/replicas', value: size },
  ];
  await kube.patch(id, { type: 'json', body, fieldManager: FIELD_MANAGER });
}

async function raiseMinimum(kube: KubeClient, original: ObjectId, size: number): Promise<void> {
  const id = { ...original, name: copyName(original.name) };
  const copy = await kube.get(id);
  const { minReplicas = 1 } = (copy?.['spec'] ?? {}) as { minReplicas?: number };
  if (!copy || minReplicas >= size) return;
  const { resourceVersion } = copy.metadata;
  const body = { metadata: { resourceVersion }, spec: { minReplicas: size } };
  await kube.patch(id, { type: 'merge', body, fieldManager: FIELD_MANAGER });
}
