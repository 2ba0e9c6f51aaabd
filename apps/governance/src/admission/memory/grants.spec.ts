import { describe, expect, it } from '@jest/globals';
import { Grants, type Role, roleKey, useRightOf } from './grants.js';

const use = (over: object = {}) => ({
  verbs: ['use'],
  apiGroups: ['security.openshift.io'],
  resources: ['securitycontextconstraints'],
  ...over,
});

describe('useRightOf', () => {
  it.each<[string, NonNullable<Role['rules']>, { all: boolean; names: string[] } | undefined]>([
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

describe('mayUse', () => {
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
    expect(grants.mayUse(ana, 'anyuid', 'shop')).toBe(true);
    expect(grants.mayUse(ana, 'anyuid', 'other')).toBe(false);
    expect(grants.mayUse(ana, 'privileged', 'shop')).toBe(false);
    expect(grants.mayUse({ name: 'devs', groups: [] }, 'anyuid', 'shop')).toBe(false);
  });

  it('follows a ClusterRoleBinding everywhere', () => {
    const grants = granted();
    grants.setBinding('ClusterRoleBinding/b', binding({ metadata: { name: 'b' } }));
    expect(grants.mayUse(ana, 'anyuid', 'anywhere')).toBe(true);
  });

  it('knows a ServiceAccount by its user name', () => {
    const grants = granted();
    grants.setBinding(
      'RoleBinding/shop/b',
      binding({ subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }] }),
    );
    expect(grants.mayUse({ name: 'system:serviceaccount:shop:web', groups: [] }, 'anyuid', 'shop')).toBe(true);
  });

  it('forgets what is taken back, and learns of a role that comes later', () => {
    const grants = new Grants();
    grants.setBinding('RoleBinding/shop/b', binding({}));
    expect(grants.mayUse(ana, 'anyuid', 'shop')).toBe(false);
    grants.setRole(roleKey('ClusterRole', 'anyuid', undefined), { rules: [use()] });
    expect(grants.mayUse(ana, 'anyuid', 'shop')).toBe(true);
    grants.setBinding('RoleBinding/shop/b', binding({ subjects: [] }));
    expect(grants.mayUse(ana, 'anyuid', 'shop')).toBe(false);
  });

  it('never takes a Role of another namespace for one of its own', () => {
    const grants = new Grants();
    grants.setRole(roleKey('Role', 'mine', 'other'), { rules: [use()] });
    grants.setBinding('RoleBinding/shop/b', binding({ roleRef: { kind: 'Role', name: 'mine' } }));
    expect(grants.mayUse(ana, 'anyuid', 'shop')).toBe(false);
  });

  it('lets masters use everything', () => {
    expect(new Grants().mayUse({ name: 'root', groups: ['system:masters'] }, 'privileged', 'shop')).toBe(true);
  });
});
