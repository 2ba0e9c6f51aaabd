import { isNotFound, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { clusterRoleName, FIELD_MANAGER, grantBindingName, GRANT_LABEL, grantRoleName, labelValue } from '@scc/plan';
import { serviceAccountSubject } from '@scc/scc';
import { z } from 'zod';
import type { MigrationActivities, MigrationTarget, StoredImage } from '@scc/migration/contract';
import { bindingSchema, idOf, keyOf, podSchema, sccOf } from '../cluster/objects.js';

const RBAC = 'rbac.authorization.k8s.io/v1';

/** The RoleBinding by which the engine grants the target to the workload's ServiceAccount. */
export const targetBinding = ({ ref, targetSCC, targetServiceAccount }: MigrationTarget): ObjectId => ({
  apiVersion: RBAC,
  kind: 'RoleBinding',
  namespace: ref.namespace,
  name: grantBindingName(targetSCC, targetServiceAccount),
});

const customRole = ({ ref, targetSCC }: MigrationTarget): ObjectId => ({
  apiVersion: RBAC,
  kind: 'Role',
  namespace: ref.namespace,
  name: grantRoleName(targetSCC),
});

/** Everything that granting the target may create. */
export const grantObjects = (target: MigrationTarget): ObjectId[] => [targetBinding(target), customRole(target)];

const roleKind = { apiVersion: RBAC, kind: 'RoleBinding' };

/** RoleBindings of the namespace that give exactly this SCC to exactly this ServiceAccount. */
export async function bindingsOf(
  kube: KubeClient,
  { namespace, scc, serviceAccount }: { namespace: string; scc: string; serviceAccount: string },
): Promise<KubeObject[]> {
  const { items } = await kube.list(roleKind, { namespace });
  return items.filter((item) => {
    const { roleRef, subjects } = bindingSchema.parse(item);
    const grants = roleRef.name === clusterRoleName(scc) || roleRef.name === grantRoleName(scc);
    return grants && subjects.some((subject) => isServiceAccount(subject, namespace, serviceAccount));
  });
}

const isServiceAccount = (
  subject: { kind: string; name: string; namespace?: string | undefined },
  namespace: string,
  name: string,
): boolean =>
  subject.kind === 'ServiceAccount' && subject.name === name && (subject.namespace ?? namespace) === namespace;

type GrantActivities = Pick<MigrationActivities, 'grantTarget' | 'revokeSource' | 'restoreGrants'>;

/** Grants are RoleBindings in the workload's namespace, never cluster-wide. */
export function grantActivities(kube: KubeClient): GrantActivities {
  const mayUse = async ({ ref, targetSCC, targetServiceAccount }: MigrationTarget): Promise<boolean> => {
    const { name: user, groups } = serviceAccountSubject(ref.namespace, targetServiceAccount);
    return kube.subjectAccessReview({
      user,
      groups: [...groups],
      resourceAttributes: {
        verb: 'use',
        group: 'security.openshift.io',
        resource: 'securitycontextconstraints',
        name: targetSCC,
        namespace: ref.namespace,
      },
    });
  };

  const roleRef = async (target: MigrationTarget): Promise<{ apiGroup: string; kind: string; name: string }> => {
    const apiGroup = 'rbac.authorization.k8s.io';
    const name = clusterRoleName(target.targetSCC);
    if (await kube.get({ apiVersion: RBAC, kind: 'ClusterRole', name })) return { apiGroup, kind: 'ClusterRole', name };
    const { namespace, name: role } = { namespace: target.ref.namespace, ...customRole(target) };
    const rules = [
      {
        apiGroups: ['security.openshift.io'],
        resources: ['securitycontextconstraints'],
        resourceNames: [target.targetSCC],
        verbs: ['use'],
      },
    ];
    await kube.apply(
      { apiVersion: RBAC, kind: 'Role', metadata: { namespace, name: role }, rules },
      { fieldManager: FIELD_MANAGER, force: true },
    );
    return { apiGroup, kind: 'Role', name: role };
  };

  return {
    grantTarget: async (target) => {
      const { namespace = '', name } = targetBinding(target);
      const existing = await kube.get(targetBinding(target));
      if (!existing && (await mayUse(target))) return { binding: 'an existing grant', created: false };
      await kube.apply(
        {
          apiVersion: RBAC,
          kind: 'RoleBinding',
          metadata: { namespace, name, labels: { [GRANT_LABEL]: labelValue(target.targetSCC) } },
          roleRef: await roleRef(target),
          subjects: [{ kind: 'ServiceAccount', name: target.targetServiceAccount, namespace }],
        },
        { fieldManager: FIELD_MANAGER, force: true },
      );
      return { binding: name, created: !existing };
    },

    revokeSource: async (target, mode) => {
      const { sourceSCC, sourceServiceAccount, ref } = target;
      if (mode === 'Keep') return { bindings: [], kept: 'the plan keeps the old grant' };
      if (sourceSCC === null || sourceSCC === target.targetSCC) return { bindings: [], kept: 'there is no old grant' };
      const grants = await bindingsOf(kube, {
        namespace: ref.namespace,
        scc: sourceSCC,
        serviceAccount: sourceServiceAccount,
      });
      if (grants.length === 0)
        return { bindings: [], kept: `${sourceSCC} is not granted by a RoleBinding of ${ref.namespace}` };
      const user = await otherUser(kube, target, sourceSCC);
      if (user !== null)
        return { bindings: [], kept: `${user} still runs under ${sourceSCC} with ${sourceServiceAccount}` };
      for (const grant of grants) await dropSubject(kube, grant, sourceServiceAccount);
      return { bindings: grants.map(({ metadata }) => metadata.name ?? ''), kept: null };
    },

    restoreGrants: async (target, images) => {
      const mine = new Set([...grantObjects(target).map(keyOf), ...images.filter(isBinding).map(({ key }) => key)]);
      for (const image of images.filter(({ key }) => mine.has(key))) await restoreGrant(kube, image);
    },
  };
}

const isBinding = ({ key }: StoredImage): boolean => key.startsWith(`${RBAC}|RoleBinding|`);

/** A pod of another workload that the old grant still serves, or null. Uids tell pods of this rollout apart. */
async function otherUser(kube: KubeClient, target: MigrationTarget, scc: string): Promise<string | null> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: target.ref.namespace });
  const other = items.find(
    (item) =>
      item.metadata.deletionTimestamp === undefined &&
      sccOf(item) === scc &&
      podSchema.parse(item).spec.serviceAccountName === target.sourceServiceAccount,
  );
  return other ? `pod ${other.metadata.name ?? ''}` : null;
}

async function dropSubject(kube: KubeClient, grant: KubeObject, serviceAccount: string): Promise<void> {
  const namespace = grant.metadata.namespace ?? '';
  const { subjects } = bindingSchema.parse(grant);
  const rest = subjects.filter((subject) => !isServiceAccount(subject, namespace, serviceAccount));
  if (rest.length === 0) await kube.delete({ ...roleKind, namespace, name: grant.metadata.name ?? '' });
  else await kube.replace({ ...grant, subjects: rest });
}

/** A recorded object; Temporal and governance keep it as plain JSON. */
const storedSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});

async function restoreGrant(kube: KubeClient, { key, manifest }: StoredImage): Promise<void> {
  const id = idOf(key);
  const current = await kube.get(id);
  if (manifest === null) {
    if (current) await kube.delete(id);
    return;
  }
  if (current && JSON.stringify(current['subjects']) === JSON.stringify(manifest['subjects'])) return;
  const { metadata, ...rest } = storedSchema.parse(manifest);
  const { name, namespace, labels, annotations } = metadata;
  const clean = { name, namespace, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  if (!current) await kube.create({ ...rest, metadata: clean });
  else {
    try {
      await kube.replace({
        ...rest,
        metadata: { ...clean, resourceVersion: current.metadata.resourceVersion },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await kube.create({ ...rest, metadata: clean });
    }
  }
}
