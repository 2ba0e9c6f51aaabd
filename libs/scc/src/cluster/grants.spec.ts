import { describe, expect, it } from '@jest/globals';
import type { Subject } from '../admission/request.js';
import { covers, Grants, type RBACRole, roleKey, useRightOf } from './grants.js';

const use = (over: object = {}) => ({
  verbs: ['use'],
  apiGroups: ['security.openshift.io'],
  resources: ['securitycontextconstraints'],
  ...over,
});

describe('useRightOf', () => {
  it.each<[string, NonNullable<RBACRole['rules']>, { all: boolean; names: string[] } | undefined]>([
    ['one SCC', [use({ resourceNames: ['anyuid'] })], { all: false, names: ['anyuid'] }],
    ['every SCC', [use()], { all: true, names: [] }],
    ['every SCC, by wildcards', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], { all: true, names: [] }],
    [
      'several rules together',
      [use({ resourceNames: ['a'] }), use({ resourceNames: ['b'] })],
      { all: false, names: ['a', 'b'] },
    ],
    ['nothing by another verb', [use({ verbs: ['get', 'list'] })], undefined],
    ['nothing in another group', [use({ apiGroups: ['apps'] })], undefined],
    ['nothing of a subresource', [use({ resources: ['securitycontextconstraints/status'] })], undefined],
  ])('gives %s', (_case, rules, expected) => {
    const right = useRightOf({ rules });
    expect(right && { all: right.all, names: [...right.names] }).toEqual(expected);
  });
});

const mayUse = (grants: Grants, subject: Subject, scc: string, namespace: string): boolean =>
  grants.rightsIn(namespace, subject).some((right) => covers(right, scc));

describe('rightsIn', () => {
  const ana = { name: 'ana', groups: ['devs'] };
  const binding = (over: object) => ({
    metadata: { name: 'b', namespace: 'shop' },
    roleRef: { kind: 'ClusterRole', name: 'anyuid' },
    subjects: [{ kind: 'Group', name: 'devs' }],
    ...over,
  });
  const granted = () => {
    const grants = new Grants();
    grants.setRole(roleKey('ClusterRole', 'anyuid', undefined), { rules: [use({ resourceNames: ['anyuid'] })] });
    return grants;
  };

  it('follows a RoleBinding in its namespace only', () => {
    const grants = granted();
    grants.setBinding('RoleBinding/shop/b', binding({}));
    expect(mayUse(grants, ana, 'anyuid', 'shop')).toBe(true);
    expect(mayUse(grants, ana, 'anyuid', 'other')).toBe(false);
    expect(mayUse(grants, ana, 'privileged', 'shop')).toBe(false);
    expect(mayUse(grants, { name: 'devs', groups: [] }, 'anyuid', 'shop')).toBe(false);
  });

  it('follows a ClusterRoleBinding everywhere', () => {
    const grants = granted();
    grants.setBinding('ClusterRoleBinding/b', binding({ metadata: { name: 'b' } }));
    expect(mayUse(grants, ana, 'anyuid', 'anywhere')).toBe(true);
  });

  it('knows a ServiceAccount by its user name', () => {
    const grants = granted();
    grants.setBinding(
      'RoleBinding/shop/b',
      binding({ subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }] }),
    );
    expect(mayUse(grants, { name: 'system:serviceaccount:shop:web', groups: [] }, 'anyuid', 'shop')).toBe(true);
  });

  it('forgets what is taken back, and learns of a role that comes later', () => {
    const grants = new Grants();
    grants.setBinding('RoleBinding/shop/b', binding({}));
    expect(mayUse(grants, ana, 'anyuid', 'shop')).toBe(false);
    grants.setRole(roleKey('ClusterRole', 'anyuid', undefined), { rules: [use()] });
    expect(mayUse(grants, ana, 'anyuid', 'shop')).toBe(true);
    grants.setBinding('RoleBinding/shop/b', binding({ subjects: [] }));
    expect(mayUse(grants, ana, 'anyuid', 'shop')).toBe(false);
  });

  it('never takes a Role of another namespace for one of its own', () => {
    const grants = new Grants();
    grants.setRole(roleKey('Role', 'mine', 'other'), { rules: [use()] });
    grants.setBinding('RoleBinding/shop/b', binding({ roleRef: { kind: 'Role', name: 'mine' } }));
    expect(mayUse(grants, ana, 'anyuid', 'shop')).toBe(false);
  });

  it('lets masters use everything', () => {
    expect(mayUse(new Grants(), { name: 'root', groups: ['system:masters'] }, 'privileged', 'shop')).toBe(true);
  });
});
