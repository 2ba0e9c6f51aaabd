import { lastWriter, type KubeClient, type KubeObject } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { FIELD_MANAGER, isDivided } from '@scc/plan';
import { surveyPolicies } from '../cluster/neighbours.js';
import { idOf } from '../cluster/objects.js';
import { readGuards } from '../cluster/policy-kinds.js';
import { nameIn } from '../cluster/served.js';

/** Of an object in whatever version. */
const keyOf = (apiVersion: string, kind: string, namespace: string | undefined, name: string | undefined): string =>
  [apiVersion.split('/')[0], kind, namespace, name].join(' ');
const keyOfObject = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): string =>
  keyOf(apiVersion, kind, namespace, name);

/**
 * A policy that was made, or made to pick the workload's pods, since the plan was validated, in words; null while there
 * is none. It has no copy, so that what it refuses, asks for or filters is not so for the canary.
 * @param root the mesh's root namespace, whose policies hold in every namespace
 */
export async function addedPolicyOf(
  kube: Pick<KubeClient, 'list'>,
  target: Pick<MigrationTarget, 'ref' | 'strategy' | 'policies' | 'label'>,
  root: string,
): Promise<string | null> {
  if (!isDivided(target.strategy)) return null;
  const { namespace } = target.ref;
  const known = new Set(target.policies.map(idOf).map((id) => keyOf(id.apiVersion, id.kind, id.namespace, id.name)));
  const added = (await readGuards(kube, { namespace, root })).find((policy) => {
    const { copied, violations } = surveyPolicies([policy], target.label);
    return copied.length + violations.length > 0 && !known.has(keyOfObject(policy));
  });
  if (!added) return null;
  const writer = lastWriter(added, FIELD_MANAGER, ['spec']);
  return `${writer} made ${added.kind} ${nameIn(namespace, added)} pick the workload's pods during the migration, and it does not pick the canary's`;
}
