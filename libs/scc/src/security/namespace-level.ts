import type { CompiledSCC } from '../model/compile.js';
import { missingAnnotation, type Namespace } from '../model/namespace.js';
import type { Pod } from '../model/pod.js';
import { isLaxer, laxest, type PodSecurityLevel } from './level.js';
import { requiredPodSecurityLevel } from './pod-level.js';
import { podSecurityLevel } from './scc-level.js';

const LABEL_PREFIX = 'pod-security.kubernetes.io/';
const LABELS = ['enforce', 'audit', 'warn'].flatMap((mode) => [
  `${LABEL_PREFIX}${mode}`,
  `${LABEL_PREFIX}${mode}-version`,
]);
const SYNC_LABEL = 'security.openshift.io/scc.podSecurityLabelSync';
const SYSTEM_NAMESPACES = new Set(['default', 'kube-node-lease', 'kube-public', 'kube-system', 'openshift']);

/**
 * Does OpenShift's label syncer write the namespace's Pod Security labels?
 *
 * @param ownedLabels Pod Security labels that the syncer owns by the namespace's managedFields.
 */
export function isLabelSynced(namespace: Namespace, ownedLabels: readonly string[] = []): boolean {
  const labels = namespace.labels ?? {};
  if (SYSTEM_NAMESPACES.has(namespace.name) || missingAnnotation(namespace) !== undefined) return false;
  if (labels[SYNC_LABEL] === 'true') return true;
  if (labels[SYNC_LABEL] === 'false' || namespace.name.startsWith('openshift-')) return false;
  return LABELS.some((label) => labels[label] === undefined || ownedLabels.includes(label));
}

/** The level that the syncer would write: of the laxest SCC that any ServiceAccount of the namespace may use. */
export const namespaceLevel = (usableSCCs: Iterable<CompiledSCC>, namespace: Namespace): PodSecurityLevel =>
  laxest([...usableSCCs].map((scc) => podSecurityLevel(scc, namespace)));

export interface GrantChange {
  readonly namespace: Namespace;
  readonly ownedLabels?: readonly string[] | undefined;
  /** SCCs usable by the namespace's ServiceAccounts before and after; grants to users do not count. */
  readonly before: Iterable<CompiledSCC>;
  readonly after: Iterable<CompiledSCC>;
  /** Pods of the namespace's workloads as SCC admission leaves them, the migrating workload's after its migration. */
  readonly workloads: readonly { readonly name: string; readonly pod: Pod }[];
}

export interface LevelChange {
  readonly before: PodSecurityLevel;
  readonly after: PodSecurityLevel;
  /** False when the labels are not adapted: then they stay as they are. */
  readonly synced: boolean;
  /** The level that the namespace enforces afterwards; undefined when it enforces none. */
  readonly enforced: PodSecurityLevel | undefined;
  /** Workloads whose new pods the enforced level would refuse. */
  readonly blocked: readonly { readonly name: string; readonly needs: PodSecurityLevel }[];
}

const parseLevel = (label: string | undefined): PodSecurityLevel | undefined =>
  label === 'restricted' || label === 'baseline' || label === 'privileged' ? label : undefined;

/**
 * What a change of grants does to a namespace's Pod Security level and to its other workloads. The syncer is taken to
 * write `enforce` only where the label exists or `enforceSynced` says that the cluster has that feature on.
 */
export function levelAfterGrantChange(change: GrantChange, enforceSynced = false): LevelChange {
  const { namespace } = change;
  const before = namespaceLevel(change.before, namespace);
  const after = namespaceLevel(change.after, namespace);
  const synced = isLabelSynced(namespace, change.ownedLabels);
  const label = parseLevel(namespace.labels?.[`${LABEL_PREFIX}enforce`]);
  const syncedEnforce = enforceSynced || (change.ownedLabels ?? []).includes(`${LABEL_PREFIX}enforce`);
  const enforced = synced && syncedEnforce ? after : label;
  const blocked =
    enforced === undefined
      ? []
      : change.workloads
          .map(({ name, pod }) => ({ name, needs: requiredPodSecurityLevel(pod) }))
          .filter(({ needs }) => isLaxer(needs, enforced));
  return { before, after, synced, enforced, blocked };
}
