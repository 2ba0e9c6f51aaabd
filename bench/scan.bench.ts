import { keepYoungSpaceSmall } from '@scc/runtime';
import { aimOf, type ClusterObject, clusterObjectSchema, inventoryOf, scan } from '@scc/scc/scan';
import type { Bench, BenchResult } from './types.js';

const SIZES = [1_000, 10_000] as const;
/** The bounds of a scan of 10,000 workloads. */
const AIM = { seconds: 60, MiB: 300 };
const NAMESPACES = 200;

const CONTEXTS = [
  undefined,
  { runAsUser: 0 },
  { privileged: true },
  { runAsUser: 1001, allowPrivilegeEscalation: false },
  { capabilities: { add: ['NET_ADMIN'] } },
  { runAsNonRoot: true },
];
const VOLUMES = [
  [],
  [{ name: 'v', emptyDir: {} }],
  [{ name: 'v', hostPath: { path: '/' } }],
  [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
];
const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Deployment'];
const GRANTED = ['anyuid', 'privileged', 'hostmount-anyuid'];

const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length];

/** A workload with two containers, its Service, and a binding for every second one. */
function objectsOf(at: number): ClusterObject[] {
  const metadata = { name: `w${at}`, namespace: `ns${at % NAMESPACES}` };
  const containers = [
    { name: 'app', image: 'i', securityContext: pick(CONTEXTS, at * 7), ports: [{ containerPort: 8080 }] },
    { name: 'side', image: 'i' },
  ];
  const spec = { serviceAccountName: metadata.name, volumes: pick(VOLUMES, at * 3 + (at >> 3)), containers };
  const template = { metadata: { labels: { app: metadata.name } }, spec };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { kind: 'ClusterRole', name: `system:openshift:scc:${pick(GRANTED, at) ?? ''}` },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  };
  return [
    { apiVersion: 'apps/v1', kind: pick(KINDS, at), metadata, spec: { template } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: metadata.name } } },
    ...(at % 2 === 1 ? [binding] : []),
  ].map((object) => clusterObjectSchema.parse(object));
}

const MiB = (bytes: number): number => bytes / 1024 / 1024;

function measure(size: number): { seconds: number; MiB: number } {
  const objects = Array.from({ length: size }, (_none, at) => objectsOf(at)).flat();
  const startedMs = performance.now();
  const inventory = inventoryOf(objects);
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('there is no SCC to aim at');
  const report = scan(inventory, aim);
  if (report.rows.length !== size) throw new Error(`${report.rows.length} rows of ${size} workloads`);
  return { seconds: (performance.now() - startedMs) / 1000, MiB: MiB(process.memoryUsage().rss) };
}

const bench: Bench = {
  name: 'scan',
  run() {
    // As sccctl does before it scans.
    keepYoungSpaceSmall();
    const measured = SIZES.map((size) => ({ size, ...measure(size) }));
    const [small, large] = measured;
    const results = measured.flatMap(({ size, seconds, MiB: memory }): BenchResult[] => [
      {
        name: `scan-${size}`,
        metric: 'time',
        value: seconds,
        unit: 's',
        reference: AIM.seconds,
        ratio: seconds / AIM.seconds,
      },
      { name: `scan-${size}`, metric: 'rss', value: memory, unit: 'MiB', reference: AIM.MiB, ratio: memory / AIM.MiB },
      { name: `scan-${size}`, metric: 'rate', value: size / seconds, unit: 'workloads/s' },
    ]);
    if (small && large) {
      const growth = large.seconds / large.size / (small.seconds / small.size);
      results.push({
        name: 'scan-growth',
        metric: 'per workload',
        value: growth,
        unit: 'ratio',
        reference: 1,
        ratio: growth,
      });
    }
    return Promise.resolve(results);
  },
};

export default bench;
