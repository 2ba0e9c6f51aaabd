import type { References } from './references.js';
import { kubeletPodSchema, type KubeletContainer, type KubeletPod } from './pod-schema.js';

/** A pod with one container, through the real schema. For tests. */
export function aPod(
  spec: object = {},
  container: object = {},
  metadata: object = {},
): { pod: KubeletPod; container: KubeletContainer } {
  const pod = kubeletPodSchema.parse({
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

/** Secrets and ConfigMaps that a test holds and changes. */
export function referencesIn(store: {
  secrets?: Record<string, Record<string, string>>;
  configMaps?: Record<string, Record<string, string>>;
}): References {
  const read = (from: Record<string, Record<string, string>> | undefined, name: string) => {
    const data = from?.[name];
    return Promise.resolve(
      data && Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
    );
  };
  return { secret: (name) => read(store.secrets, name), configMap: (name) => read(store.configMaps, name) };
}
