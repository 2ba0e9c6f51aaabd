import { isExemptNamespace, type Namespace } from './namespace.js';
import type { Pod } from './pod.js';

export type IgnoredReason = 'namespace-exempt' | 'subresource' | 'windows' | 'nothing-relevant-changed';

interface Looked {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly subresource?: string | undefined;
  readonly pod: Pod;
  readonly oldPod?: Pod | undefined;
  readonly namespace: Namespace;
}

const LOOKED_AT_SUBRESOURCES = new Set(['', 'ephemeralcontainers', 'resize']);
const IRRELEVANT_METADATA = ['ownerReferences', 'finalizers', 'selfLink', 'managedFields'];
const IRRELEVANT_ANNOTATION = 'k8s.ovn.org/pod-networks';

const isUnset = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** Equality as the API machinery means it: an absent list is an empty list; an absent object is not an empty one. */
export function semanticallyEqual(a: unknown, b: unknown): boolean {
  if (a === b || (isUnset(a) && isUnset(b))) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => semanticallyEqual(item, b[index]))
    );
  const left: Record<string, unknown> = { ...a };
  const right: Record<string, unknown> = { ...b };
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    semanticallyEqual(left[key], right[key]),
  );
}

function relevantMetadata({ metadata }: Pod): Record<string, unknown> {
  const { annotations, labels, ...rest } = metadata;
  const kept: Record<string, unknown> = { ...rest, annotations: { ...annotations }, labels: { ...labels } };
  delete (kept['annotations'] as Record<string, string>)[IRRELEVANT_ANNOTATION];
  for (const key of IRRELEVANT_METADATA) delete kept[key];
  return kept;
}

const changesNothingRelevant = (pod: Pod, oldPod: Pod): boolean =>
  semanticallyEqual(relevantMetadata(pod), relevantMetadata(oldPod)) && semanticallyEqual(pod.spec, oldPod.spec);

/** Why SCC admission does not look at a request; undefined when it does. */
export function whyIgnored({ operation, subresource, pod, oldPod, namespace }: Looked): IgnoredReason | undefined {
  if (!LOOKED_AT_SUBRESOURCES.has(subresource ?? '')) return 'subresource';
  if (isExemptNamespace(namespace)) return 'namespace-exempt';
  if (pod.spec.os?.name === 'windows') return 'windows';
  if (operation === 'CREATE') return undefined;
  if (!oldPod) throw new TypeError('an UPDATE must carry the old pod');
  return changesNothingRelevant(pod, oldPod) ? 'nothing-relevant-changed' : undefined;
}
