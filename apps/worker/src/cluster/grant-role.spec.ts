import { grantsUseAlone } from './grant-role.js';

const USE = {
  verbs: ['use'],
  apiGroups: ['security.openshift.io'],
  resources: ['securitycontextconstraints'],
  resourceNames: ['anyuid'],
};
const role = (rules: unknown, over: object | null = null) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'system:openshift:scc:anyuid' },
  rules,
  ...over,
});

describe('a ClusterRole that a plan may bind', () => {
  it('gives the use of the target, however often it says so', () => {
    expect(grantsUseAlone(role([USE]), 'anyuid')).toBe(true);
    expect(grantsUseAlone(role([USE, USE]), 'anyuid')).toBe(true);
  });

  it.each<[string, unknown, object | null]>([
    ['nothing', [], null],
    ['nothing at all', null, null],
    ['every verb', [{ ...USE, verbs: ['*'] }], null],
    ['another verb beside it', [{ ...USE, verbs: ['use', 'patch'] }], null],
    ['every SCC, as it names none', [{ ...USE, resourceNames: undefined }], null],
    ['every SCC, as its names are empty', [{ ...USE, resourceNames: [] }], null],
    ['another SCC beside it', [{ ...USE, resourceNames: ['anyuid', 'privileged'] }], null],
    ['another SCC', [{ ...USE, resourceNames: ['privileged'] }], null],
    ['a name that only looks like the target', [{ ...USE, resourceNames: ['аnyuid'] }], null],
    ['every resource of the group', [{ ...USE, resources: ['*'] }], null],
    [
      'a subresource',
      [{ ...USE, resources: ['securitycontextconstraints', 'securitycontextconstraints/status'] }],
      null,
    ],
    ['every group', [{ ...USE, apiGroups: ['*'] }], null],
    ['Secrets beside it', [USE, { verbs: ['get'], apiGroups: [''], resources: ['secrets'] }], null],
    ['impersonation beside it', [USE, { verbs: ['impersonate'], apiGroups: [''], resources: ['users'] }], null],
    ['a path of the API server beside it', [{ ...USE, nonResourceURLs: ['/metrics'] }], null],
    ['rules of other roles', [USE], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }],
    ['rules of a form that is not known', [{ ...USE, verbs: 'use' }], null],
  ])('does not give %s', (_what, rules, over) => {
    expect(grantsUseAlone(role(rules, over), 'anyuid')).toBe(false);
  });
});
