import type { KubeClient } from '@scc/kube';
import { clusterRoleName } from '@scc/plan';
import { roleSchema, sccSchema, serviceAccountSubject, covers, useRightOf } from '@scc/scc';
import { rbacBindingSchema } from './objects.js';

const RBAC = 'rbac.authorization.k8s.io/v1';

interface Granted {
  namespace: string;
  scc: string;
  serviceAccount: string;
}

type Reader = Pick<KubeClient, 'get' | 'list' | 'subjectAccessReview'>;

/** Groups that every ServiceAccount of a namespace is in. */
const groupsOf = ({ namespace, serviceAccount }: Granted): string[] => [
  ...serviceAccountSubject(namespace, serviceAccount).groups,
  'system:authenticated',
];

/** The entries of an SCC itself, its users and groups, that are a ServiceAccount. */
async function ofItself(kube: Reader, granted: Granted): Promise<string[]> {
  const { items } = await kube.list({
    apiVersion: 'security.openshift.io/v1',
    kind: 'SecurityContextConstraints',
  });
  const object = items.find(({ metadata }) => metadata.name === granted.scc);
  if (!object) return [];
  const { users, groups } = sccSchema.parse(object);
  const { name } = serviceAccountSubject(granted.namespace, granted.serviceAccount);
  const own = groupsOf(granted);
  return [
    ...(users ?? []).filter((user) => user === name).map((user) => `users of SCC ${granted.scc} (${user})`),
    ...(groups ?? []).filter((group) => own.includes(group)).map((group) => `groups of SCC ${granted.scc} (${group})`),
  ];
}

interface ByBindings {
  /** RoleBindings whose ClusterRole gives the right. */
  certain: string[];
  /** RoleBindings of a Role, of which only the name can be read. */
  possible: string[];
}

/** RoleBindings that grant it, or may, by a role of any name, or to a group. */
async function byRoleBindings(kube: Reader, granted: Granted): Promise<ByBindings> {
  const { namespace, scc, serviceAccount } = granted;
  const { items } = await kube.list({ apiVersion: RBAC, kind: 'RoleBinding' }, { namespace });
  const user = serviceAccountSubject(namespace, serviceAccount).name;
  const groups = groupsOf(granted);
  const found = await Promise.all(
    items.map(async (item) => {
      const { roleRef, subjects } = rbacBindingSchema.parse(item);
      const through = subjects.find(
        (subject) =>
          (subject.kind === 'ServiceAccount' &&
            subject.name === serviceAccount &&
            (subject.namespace ?? namespace) === namespace) ||
          (subject.kind === 'User' && subject.name === user) ||
          (subject.kind === 'Group' && groups.includes(subject.name)),
      );
      if (!through) return [];
      if (roleRef.kind === 'ClusterRole' && roleRef.name !== clusterRoleName(scc)) {
        const role = await kube.get({ apiVersion: RBAC, kind: 'ClusterRole', name: roleRef.name });
        const right = role && useRightOf(roleSchema.parse(role));
        if (!right || !covers(right, scc)) return [];
      }
      const to = through.kind === 'Group' ? `, to group ${through.name}` : '';
      const words = `RoleBinding ${item.metadata.name ?? ''} (${roleRef.kind} ${roleRef.name}${to})`;
      return [{ words, isCertain: roleRef.kind === 'ClusterRole' }];
    }),
  );
  const wordsOf = (isCertain: boolean): string[] =>
    found.flatMap((all) => all.filter((one) => one.isCertain === isCertain).map(({ words }) => words));
  return { certain: wordsOf(true), possible: wordsOf(false) };
}

const ELSEWHERE = 'a ClusterRoleBinding, or by another authorizer of the cluster';

/**
 * How a ServiceAccount may use an SCC that no binding of the usual role gives it, in words: the reason for which nothing
 * is revoked.
 */
export async function whyNothingToRevoke(kube: Reader, granted: Granted): Promise<string> {
  const { namespace, scc, serviceAccount } = granted;
  const { name, groups } = serviceAccountSubject(namespace, serviceAccount);
  const ofScc = await ofItself(kube, granted);
  const isAllowed = await kube.subjectAccessReview({
    user: name,
    groups: [...groups, 'system:authenticated'],
    resourceAttributes: {
      verb: 'use',
      group: 'security.openshift.io',
      resource: 'securitycontextconstraints',
      name: scc,
      namespace,
    },
  });
  if (!isAllowed && ofScc.length === 0) return `${scc} is not granted to ServiceAccount ${serviceAccount} any more`;
  const { certain, possible } = isAllowed ? await byRoleBindings(kube, granted) : { certain: [], possible: [] };
  const ways = [...ofScc, ...certain];
  const guessed = possible.length > 0 ? `${possible.join(', ')}, by ${ELSEWHERE}` : ELSEWHERE;
  const named = ways.length > 0 ? ways.join(', ') : guessed;
  return `${scc} is granted to ServiceAccount ${serviceAccount} by ${named}, which a migration does not take away`;
}
