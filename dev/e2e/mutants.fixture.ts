import fc from 'fast-check';
import { z } from 'zod';
import { PLAN_TYPE } from '@scc/plan';
import type { Stack } from '../src/index.js';

/** Plans of every shape, and all that the cluster holds. */

const word = fc.constantFrom(
  ...[
    'ledger',
    'catalog',
    'orders',
    'payments',
    'checkout',
    'reports',
    'nobody',
    'kube-system',
    '',
    '-',
    'x'.repeat(300),
  ],
);
const scc = fc.constantFrom(
  ...[
    'restricted-v2',
    'restricted-v3',
    'anyuid',
    'privileged',
    'hostmount-anyuid',
    'hostaccess',
    'nonroot-v2',
    'none',
    '',
  ],
);
const odd = fc.constantFrom<unknown>(null, true, -1, 1e9, '', [], {}, 'yes', [null], { a: { b: {} } });
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });

const container = fc.record(
  {
    name: fc.constantFrom('app', 'extra', 'istio-proxy'),
    image: fc.constantFrom('scc.poc/healthy:1', 'evil:1'),
    command: fc.constant(['sh', '-c', 'id']),
    env: fc.constant([{ name: 'S', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]),
    securityContext: fc.record({ privileged: fc.boolean(), runAsUser: fc.constantFrom(0, 1000) }),
    volumeMounts: fc.constant([{ name: 'stolen', mountPath: '/stolen' }]),
    $patch: fc.constantFrom('delete', 'replace', 'merge', 'other'),
  },
  { requiredKeys: ['name'] },
);
const patch = fc.record(
  {
    metadata: fc.record({
      labels: fc.constant({ app: 'other' }),
      annotations: fc.constant({ 'openshift.io/scc': 'x' }),
    }),
    spec: fc.record(
      {
        serviceAccountName: word,
        serviceAccount: word,
        hostNetwork: fc.boolean(),
        volumes: fc.constantFrom(
          [{ name: 'stolen', secret: { secretName: 'db' } }],
          [{ name: 'stolen', hostPath: { path: '/' } }],
        ),
        containers: fc.array(container, { maxLength: 2 }),
        initContainers: fc.array(container, { maxLength: 1 }),
        '$setElementOrder/containers': fc.constant([{ name: 'app' }]),
      },
      { requiredKeys: [] },
    ),
    odd,
  },
  { requiredKeys: [] },
);

const spec = fc.record(
  {
    workloadRef: fc.record({ kind: fc.constantFrom('Deployment', 'Deployment', 'StatefulSet', 'Pod'), name: word }),
    targetSCC: scc,
    sourceSCC: scc,
    serviceAccountName: word,
    podSecurity: fc.record({ mode: fc.constantFrom('Apply', 'Require'), patch }, { requiredKeys: ['patch'] }),
    grants: fc.record({ source: fc.constantFrom('Keep', 'Revoke') }),
    traffic: fc.record({ mirror: fc.constant({ duration: '0s', methods: 'All' }), interval: fc.constant('0s') }),
    gates: fc.constantFrom(
      { metrics: [] },
      { metrics: [], webhooks: [{ name: 'a', url: 'http://127.0.0.1:1/', at: 'BeforeMirror' }] },
    ),
    approval: fc.record({ required: fc.boolean() }),
    schedule: fc.constant({ notBefore: '2020-01-01T00:00:00Z' }),
    rollback: fc.record({ onFailure: fc.constantFrom('Pause', 'Automatic') }),
    justification: fc.constant('a justification that is long enough'),
    suspend: fc.boolean(),
    dryRun: fc.boolean(),
    unknown: odd,
  },
  { requiredKeys: ['workloadRef', 'targetSCC'] },
);

const annotations = fc.constantFrom<Record<string, string>>(
  {},
  { 'scc.poc/allow-unready-source': 'true' },
  { 'scc.poc/author': 'admin' },
  { 'scc.poc/author': 'admin', 'scc.poc/author-groups': 'system:masters' },
);

/** Plans, most of which the API server would store. */
export const mutants = (count: number, seed: number): { metadata: { name: string }; spec: unknown }[] =>
  fc
    .sample(fc.record({ annotations, finalizers: maybe(fc.constant(['scc.poc/undo'])), spec }), {
      numRuns: count,
      seed,
    })
    .map(({ spec: made, ...metadata }, index) => ({
      ...PLAN_TYPE,
      metadata: { ...metadata, name: `mutant-${index}`, namespace: 'shop' },
      spec: made,
    }));

/** Objects that change by themselves, and the plans themselves. */
const RESTLESS = new Set([
  'events',
  'leases',
  'sccmigrationplans',
  'endpointslices',
  'endpoints',
  'nodes',
  'componentstatuses',
]);

/** Under it, controllers of istiod renew their hold. */
const LEADER = 'control-plane.alpha.kubernetes.io/leader';

const resourcesSchema = z.object({
  resources: z.array(z.looseObject({ name: z.string(), verbs: z.array(z.string()) })),
});
const groupsSchema = z.object({
  groups: z.array(z.object({ preferredVersion: z.object({ groupVersion: z.string() }) })),
});
const objectSchema = z.looseObject({
  metadata: z.looseObject({
    uid: z.string().optional(),
    name: z.string(),
    namespace: z.string().optional(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});

async function listedPaths(api: Stack['api']): Promise<string[]> {
  const { groups } = groupsSchema.parse(await api.get('/apis'));
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const paths = await Promise.all(
    roots.map(async (root) =>
      resourcesSchema
        .parse(await api.get(root))
        .resources.filter(({ name, verbs }) => verbs.includes('list') && !RESTLESS.has(name))
        .map(({ name }) => `${root}/${name}`),
    ),
  );
  return paths.flat();
}

/** Everything that the API server lists, each object without what it and its controllers keep for themselves. */
export async function everything(api: Stack['api']): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const path of await listedPaths(api))
    for (const item of (await api.list(path)).items) {
      const { metadata, status: _status, ...rest } = objectSchema.parse(item);
      const { resourceVersion: _version, managedFields: _fields, annotations, ...kept } = metadata;
      const { [LEADER]: _leader, ...noted } = annotations;
      // Governance publishes the newest checkpoint of its audit log.
      if (metadata.name === 'scc-audit-checkpoint') continue;
      found.set(`${path} ${metadata.namespace ?? ''}/${metadata.name}`, JSON.stringify([kept, noted, rest]));
    }
  return found;
}
