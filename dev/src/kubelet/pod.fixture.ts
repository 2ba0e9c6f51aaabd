import { podSchema, type Container, type Pod } from './pod-schema.js';

/** A pod with one container, through the real schema. For tests. */
export function aPod(
  spec: object = {},
  container: object = {},
  metadata: object = {},
): { pod: Pod; container: Container } {
  const pod = podSchema.parse({
    metadata: { name: 'ledger-1', namespace: 'shop', uid: 'u1', ...metadata },
    spec: {
      containers: [{ name: 'app', image: 'scc.poc/healthy:1', ports: [{ containerPort: 8080 }], ...container }],
      ...spec,
    },
  });
  const [only] = pod.spec.containers;
  if (!only) throw new Error('the pod has no container');
  return { pod, container: only };
}
