import type { GovernanceClient } from '@scc/governance-api';
import { fenceOf, isForbidden, withoutServerFields, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import {
  clusterRoleName,
  FIELD_MANAGER,
  grantBindingName,
  GRANT_LABEL,
  GRANTED_BY_ANNOTATION,
  labelValue,
} from '@scc/plan';
import { messageOf } from '@scc/runtime';
import { listsSubject, sccSchema, serviceAccountSubject } from '@scc/scc';
import { z } from 'zod';
import type { MigrationTarget } from '@scc/migration/contract';
import { grantUser } from '../cluster/grant-users.js';
import { grantsUseAlone } from '../cluster/grant-role.js';
import { finalizersOf, keptBy, KeptByFinalizer } from '../cluster/kept.js';
import { rbacBindingSchema, subjectSchema } from '../cluster/objects.js';
import { whyNothingToRevoke } from '../cluster/other-grants.js';
import type { Reseal } from '../undo/reseal.js';
import { terminal } from '../failures.js';
import { currentWorkflowId } from './pace.js';
import type { TargetActivities } from './target.js';

const RBAC = 'rbac.authorization.k8s.io/v1';
/** Removals stand behind everything that was recorded before the first change. */
const REMOVED_ORDER = 1_000;

/** The RoleBinding by which the engine grants the target to the workload's ServiceAccount. */
export const targetBinding = ({ ref, targetSCC, targetServiceAccount }: MigrationTarget): ObjectId => ({
  apiVersion: RBAC,
  kind: 'RoleBinding',
  namespace: ref.namespace,
  name: grantBindingName(targetSCC, targetServiceAccount),
});

/** Everything that granting the target may create. */
export const grantObjects = (target: MigrationTarget): ObjectId[] => [targetBinding(target)];

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };
const roleKind = { apiVersion: RBAC, kind: 'RoleBinding' };

/** RoleBindings of the namespace that give exactly this SCC to exactly this ServiceAccount. */
export async function bindingsOf(
  kube: KubeClient,
  { namespace, scc, serviceAccount }: { namespace: string; scc: string; serviceAccount: string },
): Promise<KubeObject[]> {
  const { items } = await kube.list(roleKind, { namespace });
  return items.filter((item) => {
    const { roleRef, subjects } = rbacBindingSchema.parse(item);
    return (
      roleRef.kind === 'ClusterRole' &&
      roleRef.name === clusterRoleName(scc) &&
      subjects.some((subject) => isServiceAccount(subject, namespace, serviceAccount))
    );
  });
}

type Subject = z.infer<typeof subjectSchema>;

const isServiceAccount = (subject: Subject, namespace: string, name: string): boolean =>
  subject.kind === 'ServiceAccount' && subject.name === name && (subject.namespace ?? namespace) === namespace;

type GrantActivities = Pick<
  TargetActivities,
  'grantTarget' | 'revokeSource' | 'restoreSourceGrant' | 'withdrawTargetGrant'
> & {
  /** Revokes the source grant for good: nothing is left that would give it back. */
  revokeForGood: (target: MigrationTarget) => Promise<Revoked>;
};

interface Revoked {
  bindings: string[];
  kept: string | null;
}

/** The subjects that would be revoked, or why the grant is kept. */
type Revocable = { grants: KubeObject[] } | { kept: string };

interface Deps {
  kube: KubeClient;
  governance: Pick<GovernanceClient, 'savePreImages'>;
  reseal: Reseal;
}

/** Grants are RoleBindings in the workload's namespace, never cluster-wide. */
export function grantActivities({ kube, governance, reseal }: Deps): GrantActivities {
  const mayUse = async ({ ref, targetSCC, targetServiceAccount }: MigrationTarget): Promise<boolean> => {
    const subject = serviceAccountSubject(ref.namespace, targetServiceAccount);
    const { items } = await kube.list(SCC_KIND);
    const scc = items.find(({ metadata }) => metadata.name === targetSCC);
    // The API server does not know of the users and groups that an SCC names itself.
    if (scc && listsSubject(sccSchema.parse(scc), subject)) return true;
    const { name: user, groups } = subject;
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

  /** The worker may bind the ClusterRole of an SCC, and holds no right to the SCC that it could put into a role. */
  const roleRef = async ({ targetSCC }: MigrationTarget): Promise<{ apiGroup: string; kind: string; name: string }> => {
    const name = clusterRoleName(targetSCC);
    const role = await kube.get({ apiVersion: RBAC, kind: 'ClusterRole', name });
    if (!role)
      throw terminal(
        'refused',
        `there is no ClusterRole ${name}: a cluster administrator makes it, with the right to use ${targetSCC}`,
      );
    if (!grantsUseAlone(role, targetSCC))
      throw terminal(
        'refused',
        `ClusterRole ${name} grants more than the use of ${targetSCC}, and a plan grants nothing else: a cluster administrator limits it to the verb use of securitycontextconstraints.security.openshift.io/${targetSCC}`,
      );
    return { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  };

  /** @param uid of the binding of this migration that is there already */
  const bind = async (target: MigrationTarget, uid: string | undefined): Promise<void> => {
    const { apiVersion, kind, namespace, name } = targetBinding(target);
    const metadata = {
      ...{ namespace, name },
      ...(uid === undefined ? {} : { uid }),
      labels: { [GRANT_LABEL]: labelValue(target.targetSCC) },
      annotations: { [GRANTED_BY_ANNOTATION]: target.ref.uid },
    };
    const subjects = [{ kind: 'ServiceAccount', name: target.targetServiceAccount, namespace }];
    await kube.apply(
      { apiVersion, kind, metadata, roleRef: await roleRef(target), subjects },
      { fieldManager: FIELD_MANAGER, force: true },
    );
  };

  /** An object that is about to be taken away is on record first: only that can be given back. */
  const recordRemoval = async (
    { ref, sourceServiceAccount }: MigrationTarget,
    grant: KubeObject,
    index: number,
  ): Promise<void> => {
    const { uid = '' } = grant.metadata;
    const manifest = { binding: withoutServerFields(grant), subjects: parted(grant, sourceServiceAccount).ours };
    await governance.savePreImages(ref.uid, {
      workflowId: currentWorkflowId(),
      images: [{ key: `${REMOVED}${uid}`, order: REMOVED_ORDER + index, manifest }],
    });
  };

  const revocable = async ({ sourceSCC, sourceServiceAccount, ...target }: MigrationTarget): Promise<Revocable> => {
    const { namespace } = target.ref;
    if (sourceSCC === null || sourceSCC === target.targetSCC) return { kept: 'there is no old grant' };
    const grants = await bindingsOf(kube, { namespace, scc: sourceSCC, serviceAccount: sourceServiceAccount });
    if (grants.length === 0)
      return {
        kept: await whyNothingToRevoke(kube, { namespace, scc: sourceSCC, serviceAccount: sourceServiceAccount }),
      };
    const user = await grantUser(kube, { ...target, sourceServiceAccount }, sourceSCC);
    return user === null
      ? { grants }
      : { kept: `${user} of ServiceAccount ${sourceServiceAccount} may need ${sourceSCC}` };
  };
  const drop = async (grants: readonly KubeObject[], serviceAccount: string): Promise<Revoked> => {
    for (const grant of grants) await dropSubject(kube, grant, serviceAccount);
    return { bindings: grants.map(({ metadata }) => metadata.name ?? ''), kept: null };
  };

  return {
    grantTarget: async (target, mayGrant) => {
      const { name } = targetBinding(target);
      const existing = await kube.get(targetBinding(target));
      const isOurs = existing?.metadata.annotations?.[GRANTED_BY_ANNOTATION] === target.ref.uid;
      const isHeld = (!isOurs || !mayGrant) && (await mayUse(target));
      if (isHeld) return isOurs ? { binding: name, created: true } : { binding: 'an existing grant', created: false };
      if (!mayGrant) throw terminal('refused', notTheirs(target));
      if (existing && !isOurs) throw terminal('refused', taken(target, name));
      await bind(target, existing?.metadata.uid);
      return { binding: name, created: true };
    },

    revokeSource: async (target, mode) => {
      const { sourceSCC, sourceServiceAccount, ref, after } = target;
      if (mode === 'Keep') return { bindings: [], kept: 'the plan keeps the old grant' };
      if (after?.revokeMs)
        return { bindings: [], kept: `it is revoked once the change has lasted for ${spanOf(after.revokeMs)}` };
      const found = await revocable(target);
      if ('kept' in found) return { bindings: [], kept: found.kept };
      const { grants } = found;
      const refused = await unreturnable(kube, grants, sourceServiceAccount);
      if (refused !== null)
        return { bindings: [], kept: `the worker could not give ${sourceSCC ?? 'the old SCC'} back: ${refused}` };
      for (const [index, grant] of grants.entries()) await recordRemoval(target, grant, index);
      await reseal(ref.uid, 'revoking');
      return drop(grants, sourceServiceAccount);
    },

    revokeForGood: async (target) => {
      const found = await revocable(target);
      return 'kept' in found ? { bindings: [], kept: found.kept } : drop(found.grants, target.sourceServiceAccount);
    },

    restoreSourceGrant: async (_target, images) => {
      for (const { key, manifest } of images) if (isRemoval(key)) await giveBack(kube, removalSchema.parse(manifest));
    },

    withdrawTargetGrant: async (target) => {
      for (const id of grantObjects(target)) {
        const object = await kube.get(id);
        // A binding that another client made, or made again meanwhile, is not ours to take away.
        if (object?.metadata.annotations?.[GRANTED_BY_ANNOTATION] !== target.ref.uid) continue;
        // One that a finalizer keeps would go on granting for as long as it does; without a subject it grants nothing.
        if (finalizersOf(object).length > 0) await writeSubjects(kube, object, []);
        else await kube.delete(id, fenceOf(object));
      }
    },
  };
}

/** The ServiceAccount could use the target when the step was allowed, and nobody who wrote the plan may give that back. */
const notTheirs = ({ ref, targetSCC, targetServiceAccount }: MigrationTarget): string =>
  `ServiceAccount ${targetServiceAccount} may no longer use ${targetSCC}, and those who wrote the plan may not grant it: let a user who may grant ${targetSCC} in ${ref.namespace} apply the plan`;

const taken = ({ targetSCC }: MigrationTarget, name: string): string =>
  `RoleBinding ${name} exists and does not grant ${targetSCC}: remove or rename it`;

const HOUR_MS = 3_600_000;
const spanOf = (ms: number): string => (ms < HOUR_MS ? `${ms / 60_000} min` : `${ms / HOUR_MS} h`);

/** The subjects that one migration took out of one binding; recorded before they are taken. */
const removalSchema = z.looseObject({
  binding: z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({
      name: z.string(),
      namespace: z.string(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
    roleRef: z.record(z.string(), z.unknown()),
  }),
  subjects: z.array(subjectSchema),
});
type Removal = z.infer<typeof removalSchema>;

const REMOVED = 'removed|';
export const isRemoval = (key: string): boolean => key.startsWith(REMOVED);

const subjectsOf = (binding: KubeObject) => rbacBindingSchema.parse(binding).subjects;

/** The subjects of a binding that are this ServiceAccount, and the others. */
function parted(grant: KubeObject, serviceAccount: string) {
  const namespace = grant.metadata.namespace ?? '';
  const isOurs = (subject: Subject): boolean => isServiceAccount(subject, namespace, serviceAccount);
  const subjects = subjectsOf(grant);
  return { ours: subjects.filter(isOurs), others: subjects.filter((subject) => !isOurs(subject)) };
}

/** Writes the subjects by a patch, which the worker may do where it may not update; fails after a write of another client. */
async function writeSubjects(kube: KubeClient, { metadata }: KubeObject, subjects: Subject[]): Promise<void> {
  const { namespace = '', name = '', resourceVersion } = metadata;
  const body = { metadata: { resourceVersion }, subjects };
  await kube.patch({ ...roleKind, namespace, name }, { type: 'merge', body, fieldManager: FIELD_MANAGER });
}

/** Takes the ServiceAccount out of a binding; the fences make the call fail when another client wrote in between. */
async function dropSubject(kube: KubeClient, grant: KubeObject, serviceAccount: string): Promise<void> {
  const { namespace = '', name = '' } = grant.metadata;
  const { others } = parted(grant, serviceAccount);
  // A binding that a finalizer keeps would go on granting for as long as it does.
  const isEmptied = others.length === 0 && finalizersOf(grant).length === 0;
  if (isEmptied) await kube.delete({ ...roleKind, namespace, name }, fenceOf(grant));
  else await writeSubjects(kube, grant, others);
}

/** Why what is about to be taken away could not be given back, or null: the right to delete a binding does not take the right to bind its role. */
async function unreturnable(
  kube: KubeClient,
  grants: readonly KubeObject[],
  serviceAccount: string,
): Promise<string | null> {
  for (const grant of grants) {
    const { namespace = '', name = '', resourceVersion } = grant.metadata;
    const body = { metadata: { resourceVersion }, subjects: parted(grant, serviceAccount).others };
    try {
      // RBAC asks for the right to bind with every change of the subjects.
      await kube.patch(
        { ...roleKind, namespace, name },
        { type: 'merge', body, fieldManager: FIELD_MANAGER, dryRun: true },
      );
    } catch (error) {
      if (!isForbidden(error)) throw error;
      return messageOf(error);
    }
  }
  return null;
}

/** Gives back subject by subject what was taken out of a binding; everything else that it holds by now stays as it is. */
async function giveBack(kube: KubeClient, { binding, subjects }: Removal): Promise<void> {
  const { name, namespace, labels, annotations } = binding.metadata;
  const current = await kube.get({ ...roleKind, namespace, name });
  if (!current) {
    const metadata = { name, namespace, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
    const { apiVersion, kind, roleRef } = binding;
    await kube.create({ apiVersion, kind, metadata, roleRef, subjects });
    return;
  }
  // A binding of another role that has the name now is not ours.
  if (rbacBindingSchema.parse(current).roleRef.name !== binding.roleRef['name']) return;
  const held = subjectsOf(current);
  const missing = subjects.filter(
    (subject) =>
      !held.some(
        ({ kind, name: who, namespace: at }) =>
          kind === subject.kind && who === subject.name && (at ?? namespace) === (subject.namespace ?? namespace),
      ),
  );
  if (missing.length) await writeSubjects(kube, current, [...held, ...missing]);
  const kept = keptBy({ ...current, kind: 'RoleBinding' });
  // It grants for as long as it is there; only one that is made when it has gone does so for good.
  if (kept !== null) throw new KeptByFinalizer(`the grant cannot be given back for good: ${kept}`);
}
