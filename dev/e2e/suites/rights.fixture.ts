import { z } from 'zod';
import { KubeError } from '@scc/kube';
import type { ClusterApi, Stack } from '../../src/index.js';

let stack: Stack;

/** The API as one of the product's processes sees it. */
async function clientOf(name: string): Promise<ClusterApi> {
  return stack.apiAs(await stack.token({ namespace: 'scc-system', name }));
}

const binding = (name: string, role: string): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name, namespace: 'default' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
});
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';

async function may(client: ClusterApi, resourceAttributes: object): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const answer = await client.create('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review);
  return z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) }).parse(answer).status.allowed;
}

const statusOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => 200,
    (error: unknown) => (error instanceof KubeError ? error.status : 0),
  );

export function rights(stackOf: () => Stack): void {
  beforeAll(() => {
    stack = stackOf();
  });

  describe('the rights of the product', () => {
    it.each([
      ['restricted-v2', 'system:openshift:scc:restricted-v2', 200],
      ['privileged', 'system:openshift:scc:privileged', 200],
      ['cluster-admin', 'cluster-admin', 403],
      ['node-controller', 'system:controller:node-controller', 403],
    ])('lets the worker bind what grants an SCC and nothing else: %s', async (name, role, status) => {
      const worker = await clientOf('worker');
      expect(await statusOf(worker.create(BINDINGS, binding(name, role)))).toBe(status);
    });

    it.each<[string, string, object, boolean]>([
      ['worker', 'patches workloads', { group: 'apps', resource: 'deployments', verb: 'patch' }, true],
      ['worker', 'reads no secrets', { resource: 'secrets', verb: 'get' }, false],
      ['worker', 'creates no pods', { resource: 'pods', verb: 'create' }, false],
      [
        'worker',
        'tries pods as the identity of dry runs',
        { resource: 'serviceaccounts', namespace: 'scc-system', name: 'dry-run', verb: 'impersonate' },
        true,
      ],
      [
        'worker',
        'acts as no controller',
        { resource: 'serviceaccounts', namespace: 'kube-system', name: 'replicaset-controller', verb: 'impersonate' },
        false,
      ],
      [
        'worker',
        'holds no SCC',
        { group: 'security.openshift.io', resource: 'securitycontextconstraints', name: 'anyuid', verb: 'use' },
        false,
      ],
      ['dry-run', 'tries pods', { resource: 'pods', namespace: 'shop', verb: 'create' }, true],
      ['dry-run', 'reads nothing', { resource: 'pods', namespace: 'shop', verb: 'list' }, false],
      ['worker', 'acts as no other user', { resource: 'users', name: 'admin', verb: 'impersonate' }, false],
      [
        'worker',
        'joins no group of administrators',
        { resource: 'groups', name: 'system:masters', verb: 'impersonate' },
        false,
      ],
      ['watcher', 'reads plans', { group: 'scc.poc', resource: 'sccmigrationplans', verb: 'watch' }, true],
      ['watcher', 'changes no plans', { group: 'scc.poc', resource: 'sccmigrationplans', verb: 'patch' }, false],
      [
        'governance',
        'reviews tokens',
        { group: 'authentication.k8s.io', resource: 'tokenreviews', verb: 'create' },
        true,
      ],
      ['governance', 'creates no Secret', { resource: 'secrets', namespace: 'scc-system', verb: 'create' }, false],
      [
        'governance',
        'reads no Secret beside its own',
        { resource: 'secrets', namespace: 'scc-system', name: 'worker-token', verb: 'get' },
        false,
      ],
      [
        'governance',
        'changes no webhook of others',
        {
          group: 'admissionregistration.k8s.io',
          resource: 'mutatingwebhookconfigurations',
          name: 'istio-sidecar-injector',
          verb: 'patch',
        },
        false,
      ],
      [
        'governance',
        'makes no token of another',
        { resource: 'serviceaccounts', subresource: 'token', namespace: 'scc-system', name: 'worker', verb: 'create' },
        false,
      ],
      [
        'governance',
        'takes no Lease of another process',
        {
          group: 'coordination.k8s.io',
          resource: 'leases',
          namespace: 'scc-system',
          name: 'scc-watcher',
          verb: 'update',
        },
        false,
      ],
      ['worker', 'edits no Job', { group: 'batch', resource: 'jobs', verb: 'patch' }, false],
      ['worker', 'creates no CronJob', { group: 'batch', resource: 'cronjobs', verb: 'create' }, false],
      ['governance', 'changes no workloads', { group: 'apps', resource: 'deployments', verb: 'patch' }, false],
      [
        'governance',
        'grants nothing',
        { group: 'rbac.authorization.k8s.io', resource: 'rolebindings', verb: 'create' },
        false,
      ],
    ])('%s: %s', async (name, _what, attributes, expected) => {
      expect(await may(await clientOf(name), attributes)).toBe(expected);
    });

    it('lets the identity of dry runs create no pod, whoever speaks for it', async () => {
      const client = await clientOf('dry-run');
      const url = '/api/v1/namespaces/default/pods';
      const pod = {
        metadata: { name: 'tried' },
        spec: { containers: [{ name: 'app', image: 'scc.poc/healthy:1' }] },
      };
      expect(await statusOf(client.create(url, pod))).toBe(403);
      expect(await statusOf(client.create(`${url}?dryRun=All`, pod))).toBe(200);
    });
  });
}
