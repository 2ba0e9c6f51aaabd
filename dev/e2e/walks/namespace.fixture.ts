import { APP, byCommand, byPlan, bySaying, deployment, service, templateOf, type Walk } from './walks.fixture.js';

/** Refusals for what a namespace allows: its quotas, its limits, its Pod Security level, its mesh. */

const ENFORCE = 'pod-security.kubernetes.io/enforce';
const SYNCER = 'pod-security-admission-label-synchronization-controller';
const quota = (namespace: string, hard: object) => ({
  ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'room', namespace } },
  spec: { hard },
});
const limits = (namespace: string, limit: object) => ({
  ...{ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'sizes', namespace } },
  spec: { limits: [{ type: 'Container', ...limit }] },
});
const two = (namespace: string) => [deployment(namespace, { replicas: 2 }), service(namespace)];
const asUser = (namespace: string) => [
  deployment(namespace, { template: templateOf({ securityContext: { runAsUser: 1000 } }) }),
  service(namespace),
];
const large = (namespace: string) => [
  deployment(namespace, { template: templateOf({ resources: { limits: { cpu: '100m' } } }) }),
  service(namespace),
];
const rolledOut = `kubectl rollout status deployment ${APP} --timeout=60s`;
/** One that runs by the grant of the user who made it, not by its ServiceAccount's. */
const bare = (namespace: string) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { name: 'bare', namespace, annotations: { 'openshift.io/required-scc': 'anyuid' } },
  spec: { ...templateOf().spec, serviceAccountName: 'default' },
});

export const NAMESPACE_WALKS: readonly Walk[] = [
  {
    code: 'QuotaTooSmall',
    way: 'the quota is raised',
    workload: two,
    before: ({ create, namespace }) => create(quota(namespace, { pods: '3' })),
    walk: bySaying(`kubectl patch resourcequota room --type merge -p '{"spec":{"hard":{"pods":"9"}}}'`),
  },
  {
    code: 'QuotaTooSmall',
    way: 'the canary is made smaller',
    workload: two,
    before: ({ create, namespace }) => create(quota(namespace, { pods: '4' })),
    walk: byPlan({ canary: { replicas: 1 } }),
  },
  {
    code: 'QuotaUnanswered',
    way: 'the container is given a request',
    before: ({ create, namespace }) => create(quota(namespace, { 'requests.cpu': '4' })),
    walk: bySaying(`kubectl set resources deployment ${APP} --requests=cpu=50m; ${rolledOut}`),
  },
  {
    code: 'QuotaUnanswered',
    way: 'the namespace is given a LimitRange with defaults',
    before: ({ create, namespace }) => create(quota(namespace, { 'requests.cpu': '4' })),
    walk: async (_violations, { create, namespace }) => {
      await create(limits(namespace, { defaultRequest: { cpu: '50m' } }));
      return undefined;
    },
  },
  {
    code: 'OutsideLimitRange',
    way: 'the resources of the workload are changed',
    workload: large,
    before: ({ create, namespace }) => create(limits(namespace, { max: { cpu: '60m' } })),
    walk: bySaying(`kubectl set resources deployment ${APP} --limits=cpu=50m --requests=cpu=50m; ${rolledOut}`),
  },
  {
    code: 'OutsideLimitRange',
    way: 'the LimitRange is changed',
    workload: large,
    before: ({ create, namespace }) => create(limits(namespace, { max: { cpu: '60m' } })),
    walk: bySaying(
      `kubectl patch limitrange sizes --type json -p '[{"op":"replace","path":"/spec/limits/0/max/cpu","value":"200m"}]'`,
    ),
  },
  {
    code: 'CapacityTooSmall',
    way: 'the canary is made smaller than what the nodes have room for',
    // Two such pods fill a node of the stack, which has two.
    workload: (namespace) => [
      deployment(namespace, { replicas: 2, template: templateOf({ resources: { requests: { cpu: '15' } } }) }),
      service(namespace),
    ],
    walk: byPlan({ canary: { replicas: 1 } }),
  },
  {
    code: 'PolicyCanNotBeCopied',
    way: 'the policy selects by matchLabels',
    before: ({ create, namespace }) =>
      create({
        ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'others', namespace } },
        spec: { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: [APP] }] } },
      }),
    walk: bySaying(
      `kubectl patch networkpolicy others --type merge -p '{"spec":{"podSelector":{"matchExpressions":null,"matchLabels":{"app":"other"}}}}'`,
    ),
  },
  {
    code: 'PodSecurityForbids',
    way: 'the level of the namespace is raised',
    workload: asUser,
    before: ({ sh, namespace }) => sh(`kubectl label namespace ${namespace} ${ENFORCE}=restricted`),
    plan: { targetSCC: 'nonroot' },
    walk: byCommand,
  },
  {
    code: 'PodSecurityForbids',
    way: 'a stricter SCC is chosen',
    workload: asUser,
    before: ({ sh, namespace }) => sh(`kubectl label namespace ${namespace} ${ENFORCE}=restricted`),
    plan: { targetSCC: 'nonroot' },
    walk: byPlan({ targetSCC: 'restricted-v2' }),
  },
  {
    code: 'BlocksOthers',
    way: 'the old grant is kept',
    before: async ({ admin, create, namespace }) => {
      await create(bare(namespace));
      const synced = {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: { [ENFORCE]: 'baseline' } },
      };
      await admin.apply(synced, { fieldManager: SYNCER, force: false });
    },
    walk: byPlan({ grants: { source: 'Keep', revokeAfter: '0s' } }),
  },
  {
    code: 'NamespaceExempt',
    way: 'the label that exempts the namespace is taken away',
    before: ({ sh, namespace }) => sh(`kubectl label namespace ${namespace} openshift.io/run-level=1`),
    walk: byCommand,
  },
  {
    code: 'AmbientNotDivided',
    way: 'it is accepted by name',
    before: ({ sh, namespace }) => sh(`kubectl label namespace ${namespace} istio.io/dataplane-mode=ambient`),
    walk: ([violation]) => {
      const [, name = ''] = /name: '(.*?)'/.exec(violation?.remedy ?? '') ?? [];
      return Promise.resolve({ traffic: { accept: [{ kind: 'Namespace', name }] } });
    },
  },
];
