import type { KubeObject } from '@scc/kube';

/** OpenShift's controller that keeps the Pod Security labels of a namespace in line with its grants. */
const SYNCER = 'pod-security-admission-label-synchronization-controller';

/** The Pod Security labels of a namespace that the syncer owns. */
export const ownedLabelsOf = (namespace: KubeObject | undefined): string[] =>
  (namespace?.metadata.managedFields ?? [])
    .filter(({ manager }) => manager === SYNCER)
    .flatMap(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).match(/pod-security\.kubernetes\.io\/[a-z-]+/g) ?? []);
