import { defaultSCCs } from '../cluster/default-sccs.js';
import { defaultSCCsOf, KNOWN_RELEASES } from '../cluster/releases.js';
import type { SecurityContextConstraints } from '../model/scc.js';
import { type ClusterObject, clusterObjectSchema, groupOf } from './objects.js';

/** A change of the cluster that is only thought. */
export type SimulatedChange =
  /** An SCC is added, or takes the place of the one of its name. */
  | { readonly change: 'apply'; readonly object: ClusterObject }
  | { readonly change: 'delete-scc'; readonly name: string }
  /** The default SCCs become those of a release of OpenShift, such as `4.18`. Other SCCs, roles and bindings stay. */
  | { readonly change: 'default-sccs'; readonly release: string }
  | { readonly change: 'set-priority'; readonly name: string; readonly priority: number | null }
  /** A ClusterRoleBinding, or a RoleBinding of a namespace. */
  | { readonly change: 'delete-binding'; readonly namespace: string | null; readonly name: string };

const SCC = { group: 'security.openshift.io', kind: 'SecurityContextConstraints' };

const isSCC = ({ apiVersion, kind }: ClusterObject): boolean => groupOf(apiVersion) === SCC.group && kind === SCC.kind;

/** The objects with the default SCCs where they hold none, so that these can be changed, too. */
function withSCCs(objects: readonly ClusterObject[]): readonly ClusterObject[] {
  if (objects.some(isSCC)) return objects;
  return [...objects, ...defaultSCCs().map(objectOf)];
}

const objectOf = (scc: SecurityContextConstraints): ClusterObject =>
  clusterObjectSchema.parse({ ...scc, apiVersion: `${SCC.group}/v1`, kind: SCC.kind });

function withDefaultsOf(release: string, objects: readonly ClusterObject[]): readonly ClusterObject[] {
  const defaults = defaultSCCsOf(release);
  if (!defaults)
    throw new RangeError(`the default SCCs of OpenShift ${release} are not known, those of ${KNOWN_RELEASES} are`);
  const names = new Set(defaultSCCs().map(({ metadata }) => metadata.name));
  return [...objects.filter((one) => !isSCC(one) || !names.has(one.metadata.name)), ...defaults.map(objectOf)];
}

const isSame = (a: ClusterObject, b: ClusterObject): boolean =>
  groupOf(a.apiVersion) === groupOf(b.apiVersion) &&
  a.kind === b.kind &&
  a.metadata.name === b.metadata.name &&
  (a.metadata.namespace ?? '') === (b.metadata.namespace ?? '');

const isBinding = ({ kind, metadata }: ClusterObject, namespace: string | null, name: string): boolean =>
  metadata.name === name &&
  (namespace === null ? kind === 'ClusterRoleBinding' : kind === 'RoleBinding' && metadata.namespace === namespace);

/**
 * The objects after a change.
 * @throws RangeError when the change names an object that is not among them, or a release that is not known
 */
export function withChange(given: readonly ClusterObject[], change: SimulatedChange): readonly ClusterObject[] {
  const objects = withSCCs(given);
  if (change.change === 'apply') return [...objects.filter((one) => !isSame(one, change.object)), change.object];
  if (change.change === 'default-sccs') return withDefaultsOf(change.release, objects);
  const isMeant = (one: ClusterObject): boolean =>
    change.change === 'delete-binding'
      ? isBinding(one, change.namespace, change.name)
      : isSCC(one) && one.metadata.name === change.name;
  if (!objects.some(isMeant))
    throw new RangeError(`there is no ${change.change === 'delete-binding' ? 'binding' : 'SCC'} ${change.name}`);
  if (change.change !== 'set-priority') return objects.filter((one) => !isMeant(one));
  return objects.map((one) => (isMeant(one) ? { ...one, priority: change.priority } : one));
}
