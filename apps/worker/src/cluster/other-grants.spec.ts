import type { KubeClient, KubeObject } from '@scc/kube';
import { defaultSCCs } from '@scc/scc';
import { whyNothingToRevoke } from './other-grants.js';

const granted = { namespace: 'shop', scc: 'anyuid', serviceAccount: 'web' };
const RBAC = 'rbac.authorization.k8s.io/v1';
const binding = (name: string, kind: string, role: string, subject: object): KubeObject => ({
  apiVersion: RBAC,
  kind: 'RoleBinding',
  metadata: { namespace: 'shop', name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
  subjects: [subject],
});
const rights = (resourceNames: string[]) => [
  { verbs: ['use'], apiGroups: ['security.openshift.io'], resources: ['securitycontextconstraints'], resourceNames },
];
const EVERYTHING = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];
const ROLES: Record<string, object[]> = {
  admin: EVERYTHING,
  bind: [{ verbs: ['bind', 'escalate'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'] }],
  wide: rights(['anyuid']),
  view: [],
  narrow: rights(['restricted-v2']),
};
const web = { kind: 'ServiceAccount', name: 'web', namespace: 'shop' };

function whyOf({
  bindings = [],
  scc = {},
  isAllowed = true,
}: {
  bindings?: KubeObject[];
  scc?: object;
  isAllowed?: boolean;
}) {
  const anyuid = defaultSCCs().find(({ metadata }) => metadata.name === 'anyuid');
  const sccs = [{ apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints', ...anyuid, ...scc }];
  const kube: Pick<KubeClient, 'get' | 'list' | 'subjectAccessReview'> = {
    get: ({ name }) =>
      Promise.resolve({ apiVersion: RBAC, kind: 'ClusterRole', metadata: { name }, rules: ROLES[name] ?? [] }),
    list: ({ kind }) =>
      Promise.resolve({ items: (kind === 'RoleBinding' ? bindings : sccs) as KubeObject[], resourceVersion: '1' }),
    subjectAccessReview: () => Promise.resolve(isAllowed),
  };
  return whyNothingToRevoke(kube, granted);
}

describe('whyNothingToRevoke', () => {
  it.each<[string, Parameters<typeof whyOf>[0], RegExp]>([
    ['says that nothing grants it', { isAllowed: false }, /^anyuid is not granted to ServiceAccount web any more$/],
    [
      'names a binding of a Role, whose rights cannot be read, beside the other ways that are left',
      { bindings: [binding('web-scc', 'Role', 'use-anyuid', web)] },
      /by RoleBinding web-scc \(Role use-anyuid\), by a ClusterRoleBinding, or by another authorizer of the cluster, which/,
    ],
    [
      'names no Role where a ClusterRole gives the right',
      { bindings: [binding('election', 'Role', 'leases', web), binding('a', 'ClusterRole', 'wide', web)] },
      /by RoleBinding a \(ClusterRole wide\), which/,
    ],
    [
      'names a binding of another ClusterRole with the right, and no other',
      {
        bindings: [
          binding('a', 'ClusterRole', 'wide', web),
          binding('b', 'ClusterRole', 'view', web),
          binding('c', 'ClusterRole', 'narrow', web),
        ],
      },
      /by RoleBinding a \(ClusterRole wide\), which/,
    ],
    [
      'names a role for everything, and none that only makes grants',
      {
        bindings: [
          binding('a', 'ClusterRole', 'admin', { kind: 'Group', name: 'system:authenticated' }),
          binding('b', 'ClusterRole', 'bind', web),
        ],
      },
      /by RoleBinding a \(ClusterRole admin, to group system:authenticated\), which/,
    ],
    [
      'passes over the ServiceAccount of the same name in another namespace',
      { bindings: [binding('x', 'ClusterRole', 'wide', { ...web, namespace: 'other' })] },
      /by a ClusterRoleBinding, or by another authorizer of the cluster, which/,
    ],
    [
      'names the group of a binding',
      {
        bindings: [
          binding('all', 'ClusterRole', 'system:openshift:scc:anyuid', {
            kind: 'Group',
            name: 'system:serviceaccounts:shop',
          }),
        ],
      },
      /RoleBinding all \(ClusterRole system:openshift:scc:anyuid, to group system:serviceaccounts:shop\)/,
    ],
    [
      'names a binding to the user that the ServiceAccount is',
      { bindings: [binding('u', 'Role', 'r', { kind: 'User', name: 'system:serviceaccount:shop:web' })] },
      /RoleBinding u \(Role r\)/,
    ],
    [
      'passes over bindings of other ServiceAccounts, and says that the way is elsewhere',
      { bindings: [binding('x', 'Role', 'r', { ...web, name: 'other' })] },
      /by a ClusterRoleBinding, or by another authorizer of the cluster, which/,
    ],
    [
      'names a user of the SCC itself, of which RBAC knows nothing',
      { scc: { users: ['system:serviceaccount:shop:web'] }, isAllowed: false },
      /by users of SCC anyuid \(system:serviceaccount:shop:web\), which/,
    ],
    [
      'names a group of the SCC itself',
      { scc: { groups: ['system:authenticated'] }, isAllowed: false },
      /by groups of SCC anyuid \(system:authenticated\), which/,
    ],
  ])('%s', async (_case, over, expected) => {
    expect(await whyOf(over)).toMatch(expected);
  });
});
