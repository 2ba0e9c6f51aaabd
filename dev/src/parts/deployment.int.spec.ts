import { readInstallation } from '../cluster/installation.js';
import { PLATFORMS } from '../cluster/places.js';
import { kubeletPodSchema, type KubeletPod } from '../kubelet/pod-schema.js';
import { programOf } from '../kubelet/program.js';
import { overlaid, type Overlay } from './deployment.js';

const OVERLAY: Overlay = {
  ...{ node: 'control-plane', taint: 'control-plane', runAsUser: 1_000_690_000, replicas: 1 },
  env: { TEMPORAL_ADDRESS: '127.0.0.1:7233', LOG_LEVEL: 'debug' },
  secrets: { '/etc/scc/webhook-clients': 'webhook-clients' },
};
/** Objects that the stack adds to the rendering, as an operator, Kubernetes or OpenShift do. */
const ADDED = [
  ...['scc-database', 'scc-database-owner', 'webhook-clients', 'kube-root-ca.crt'],
  ...['governance-tls', 'governance-webhook-tls'],
];

type WithTemplate = { spec: { template: { metadata: object; spec: object } } };
const podOf = (workload: object): KubeletPod => {
  const { metadata, spec } = (workload as WithTemplate).spec.template;
  return kubeletPodSchema.parse({ metadata: { ...metadata, name: 'p', namespace: 'scc-system', uid: 'u' }, spec });
};
const referredBy = ({ spec }: KubeletPod): string[] => [
  ...spec.volumes.flatMap(({ secret, configMap, projected }) => [
    ...[secret?.secretName ?? [], configMap?.name ?? []].flat(),
    ...(projected?.sources.flatMap((source) => [source.secret?.name ?? [], source.configMap?.name ?? []].flat()) ?? []),
  ]),
  ...spec.containers.flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? [])),
];

describe.each(PLATFORMS)("the chart's workloads in the stack: %s", (platform) => {
  it('are of the image that a node runs, refer to what is there, and have the own values once', async () => {
    const { workloads, objects } = await readInstallation(platform);
    expect(workloads.map(({ metadata }) => metadata.name.replace(/-[0-9a-f.-]+$/, '')).sort()).toEqual([
      ...['governance', 'scc-migrate', 'watcher', 'worker'],
    ]);
    const there = new Set([...ADDED, ...objects.map(({ metadata }) => metadata.name)]);
    for (const workload of workloads) {
      const pod = podOf(overlaid(workload, OVERLAY));
      const [container] = pod.spec.containers;
      expect(programOf(container?.image ?? '')).not.toBeNull();
      expect(referredBy(pod).filter((name) => !there.has(name))).toEqual([]);
      const names = container?.env.map(({ name }) => name) ?? [];
      expect(names).toHaveLength(new Set(names).size);
      expect(container?.env).toContainEqual({ name: 'TEMPORAL_ADDRESS', value: '127.0.0.1:7233' });
      expect(pod.spec.securityContext).toMatchObject({ runAsUser: 1_000_690_000, runAsNonRoot: true });
    }
  });

  it('keep the probes and the read-only root of the chart', async () => {
    const { workloads } = await readInstallation(platform);
    for (const workload of workloads.filter(({ kind }) => kind === 'Deployment')) {
      const [container] = podOf(overlaid(workload, OVERLAY)).spec.containers;
      expect(container).toMatchObject({
        startupProbe: { httpGet: { path: '/livez', port: 'health' } },
        livenessProbe: { httpGet: { path: '/livez' } },
        readinessProbe: { httpGet: { path: '/readyz' } },
        securityContext: { readOnlyRootFilesystem: true },
      });
    }
  });
});
