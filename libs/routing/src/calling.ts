import { isRecord } from '@scc/plan';

/** What is read of a pod. */
interface Caller {
  metadata: { deletionTimestamp?: string | undefined };
  spec?: unknown;
  status?: unknown;
}

const PROXY = 'istio-proxy';

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Whether a pod has a proxy of the mesh, beside its containers or as a sidecar of Kubernetes. */
export function hasProxy({ spec }: Caller): boolean {
  if (!isRecord(spec)) return false;
  return [...listOf(spec['initContainers']), ...listOf(spec['containers'])].some(
    (container) => isRecord(container) && container['name'] === PROXY,
  );
}

/** Whether a pod can call somebody now: it is ready and does not end. */
export function isCalling({ metadata, status }: Caller): boolean {
  if (metadata.deletionTimestamp !== undefined || !isRecord(status) || status['phase'] !== 'Running') return false;
  return listOf(status['conditions']).some(
    (one) => isRecord(one) && one['type'] === 'Ready' && one['status'] === 'True',
  );
}
