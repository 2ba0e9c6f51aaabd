import type { KubeClient } from '@scc/kube';
import type { Violation } from '@scc/plan';
import {
  type CompiledSCC,
  isLabelSynced,
  isLaxer,
  levelAfterGrantChange,
  type LevelChange,
  type Pod,
  podSchema,
  type PodSecurityLevel,
  requiredPodSecurityLevel,
  serviceAccountSubject,
} from '@scc/scc';
import type { Facts } from './facts.js';

const ENFORCE = 'pod-security.kubernetes.io/enforce';

const enforcedLevel = ({ namespace }: Facts): PodSecurityLevel | null => {
  const label = namespace.labels?.[ENFORCE];
  return label === 'restricted' || label === 'baseline' || label === 'privileged' ? label : null;
};

/** Pod Security looks at pods after SCC admission, so a template that an SCC admits may still be refused there. */
export function podSecurityViolations(facts: Facts, migrated: Pod): Violation[] {
  const enforced = enforcedLevel(facts);
  const needs = requiredPodSecurityLevel(migrated);
  // The label of a synced namespace follows the new grant.
  if (enforced === null || !isLaxer(needs, enforced) || facts.ownedLabels.includes(ENFORCE)) return [];
  return [
    {
      code: 'PodSecurityForbids',
      field: 'spec.targetSCC',
      message: `the namespace enforces Pod Security level ${enforced}; the pods would need ${needs}`,
      remedy: `Choose a stricter SCC or change the template, or raise the level: kubectl label --overwrite namespace ${facts.namespace.name} ${ENFORCE}=${needs}.`,
    },
  ];
}

interface Change {
  /** The pods of the workload as they will be. */
  migrated: Pod;
  targetServiceAccount: string;
  sourceServiceAccount: string;
  sourceSCC: string | null;
}

/**
 * What the change of grants does to the others of the namespace: where labels are synced, taking the last lax grant away
 * lowers the level for all, and workloads that ran by a user's grant cannot start pods any more.
 */
export async function neighbourViolations(kube: KubeClient, facts: Facts, change: Change): Promise<Violation[]> {
  if (!facts.ownedLabels.includes(ENFORCE) || !isLabelSynced(facts.namespace, facts.ownedLabels)) return [];
  const { before, after } = await usable(kube, facts, change);
  const workloads = await neighbours(kube, facts);
  const level = levelAfterGrantChange({
    namespace: facts.namespace,
    ownedLabels: facts.ownedLabels,
    before,
    after,
    workloads: [...workloads, { name: facts.spec.workloadRef.name, pod: change.migrated }],
  });
  return blockedBy(level);
}

/** Each workload that the namespace's level would refuse after the change. */
export const blockedBy = ({ blocked, enforced }: Pick<LevelChange, 'blocked' | 'enforced'>): Violation[] =>
  blocked.map(({ name, needs }) => ({
    code: 'BlocksOthers',
    field: 'spec.grants.source',
    message: `without the old grant the namespace would enforce Pod Security level ${enforced ?? 'none'}, and ${name} needs ${needs}`,
    remedy: `Keep the old grant (grants.source: Keep), or give ${name} a grant of its own by a ServiceAccount.`,
  }));

async function neighbours(kube: KubeClient, { ref, workload }: Facts): Promise<{ name: string; pod: Pod }[]> {
  const own = new Set(workload?.pods.map(({ uid }) => uid));
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: ref.namespace });
  return items
    .filter(({ metadata }) => !own.has(metadata.uid ?? '') && metadata.deletionTimestamp === undefined)
    .map((item) => ({ name: `pod ${item.metadata.name ?? ''}`, pod: podSchema.parse(item) }));
}

/** The SCCs that the namespace's ServiceAccounts may use, before and after. */
async function usable(
  kube: KubeClient,
  { ref, sccs, spec }: Facts,
  { targetServiceAccount, sourceServiceAccount, sourceSCC }: Change,
): Promise<{ before: CompiledSCC[]; after: CompiledSCC[] }> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'ServiceAccount' }, { namespace: ref.namespace });
  const mayUse = (account: string, scc: CompiledSCC): Promise<boolean> => {
    const { name: user, groups } = serviceAccountSubject(ref.namespace, account);
    return kube.subjectAccessReview({
      user,
      groups: [...groups, 'system:authenticated'],
      resourceAttributes: {
        verb: 'use',
        group: 'security.openshift.io',
        resource: 'securitycontextconstraints',
        name: scc.name,
        namespace: ref.namespace,
      },
    });
  };
  const uses = await Promise.all(
    items.flatMap(({ metadata: { name = '' } }) =>
      sccs.ordered.map(async (scc) => ({ name, scc, allowed: await mayUse(name, scc) })),
    ),
  );
  const before = uses.filter(({ allowed }) => allowed);
  const isRevoked = ({ name, scc }: { name: string; scc: CompiledSCC }): boolean =>
    spec.grants.source === 'Revoke' && name === sourceServiceAccount && scc.name === sourceSCC;
  const target = sccs.byName.get(spec.targetSCC);
  const granted = target ? [{ name: targetServiceAccount, scc: target }] : [];
  return {
    before: before.map(({ scc }) => scc),
    after: [...before.filter((use) => !isRevoked(use)), ...granted].map(({ scc }) => scc),
  };
}
