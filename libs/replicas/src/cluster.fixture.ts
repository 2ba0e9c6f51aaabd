import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { isRecord } from '@scc/plan';

/** Services, pods and the controller of endpoints, in memory. */

interface FakePod {
  address: string;
  labels: Record<string, string>;
  isReady: boolean;
}

const keyOf = ({ kind, namespace = '', name }: ObjectId): string => `${kind}/${namespace}/${name}`;
const idOf = ({ apiVersion, kind, metadata: { namespace = '', name = '' } }: KubeObject): ObjectId => ({
  apiVersion,
  kind,
  namespace,
  name,
});

function merged(value: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const base = isRecord(value) ? value : {};
  const next = Object.fromEntries(Object.entries(patch).map(([key, item]) => [key, merged(base[key], item)]));
  return Object.fromEntries(Object.entries({ ...base, ...next }).filter(([, item]) => item !== null));
}

export class FakeCluster {
  readonly objects = new Map<string, KubeObject>();
  readonly pods: FakePod[] = [];

  add(object: KubeObject): void {
    this.objects.set(keyOf(idOf(object)), structuredClone(object));
    this.follow();
  }

  /** What the controller of endpoints does whenever a Service or a pod changes. */
  follow(): void {
    for (const { kind, metadata, spec } of [...this.objects.values()]) {
      if (kind !== 'Service' || !isRecord(spec)) continue;
      const selector = spec['selector'] as Record<string, string>;
      const picked = this.pods.filter(({ labels }) =>
        Object.entries(selector).every(([key, to]) => labels[key] === to),
      );
      const { name = '', namespace = '' } = metadata;
      const slice: KubeObject = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${name}-x`,
          namespace,
          labels: {
            ...metadata.labels,
            'kubernetes.io/service-name': name,
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
        },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: picked.map(({ address, isReady }) => ({ addresses: [address], conditions: { ready: isReady } })),
      };
      this.objects.set(keyOf(idOf(slice)), slice);
    }
  }

  /** @param called after each write has taken effect; what it throws is the end of the process */
  client(called: () => void = () => undefined): KubeClient {
    const written = (object: KubeObject): KubeObject => {
      this.add(object);
      called();
      return object;
    };
    const client: Partial<KubeClient> = {
      get: (id) => Promise.resolve(structuredClone(this.objects.get(keyOf(id)))),
      list: ({ kind }, { labelSelector = '' } = {}) => {
        const [label = '', value] = labelSelector.split('=');
        const items = [...this.objects.values()].filter(
          (object) => object.kind === kind && object.metadata.labels?.[label] === value,
        );
        return Promise.resolve({ items: structuredClone(items), resourceVersion: '' });
      },
      apply: async (object) => Promise.resolve(written(object)),
      patch: async (id, { body }) => Promise.resolve(written(merged(this.objects.get(keyOf(id)), body) as KubeObject)),
      delete: async (id) => {
        this.objects.delete(keyOf(id));
        called();
        return Promise.resolve();
      },
    };
    return client as KubeClient;
  }
}
