import { isRecord, ownValue } from '@scc/plan/words';
import { isExemptNamespace, type Namespace } from '../model/namespace.js';
import type { Pod } from '../model/pod.js';

export type IgnoredReason = 'namespace-exempt' | 'subresource' | 'windows' | 'nothing-relevant-changed';

interface Looked {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly subresource?: string | undefined;
  readonly pod: Pod;
  readonly oldPod?: Pod | undefined;
  readonly namespace: Namespace;
}

const LOOKED_AT_SUBRESOURCES = new Set(['', 'ephemeralcontainers', 'resize']);
const IRRELEVANT_ANNOTATION = 'k8s.ovn.org/pod-networks';

const isUnset = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

type Fields = Readonly<Record<string, unknown>>;
const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => semanticallyEqual(item, b[index]));

const sameFields = (a: Fields, b: Fields): boolean =>
  Object.keys(a).every((key) => semanticallyEqual(a[key], ownValue(b, key))) &&
  Object.keys(b).every((key) => Object.hasOwn(a, key) || isUnset(b[key]));

/** Equality as the API machinery means it: an absent list is an empty list; an absent object is not an empty one. */
export function semanticallyEqual(a: unknown, b: unknown): boolean {
  if (a === b || (isUnset(a) && isUnset(b))) return true;
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b);
  return isRecord(a) && isRecord(b) && sameFields(a, b);
}

function relevantMetadata({ metadata }: Pod): Fields {
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key !== IRRELEVANT_ANNOTATION);
  return {
    ...metadata,
    annotations: Object.fromEntries(annotations),
    labels: { ...metadata.labels },
    ownerReferences: undefined,
    finalizers: undefined,
    selfLink: undefined,
    managedFields: undefined,
  };
}

/** The API server reads an absent securityContext as an empty one, and an absent host flag as false. */
const relevantSpec = ({ spec }: Pod): Fields => ({
  ...spec,
  securityContext: spec.securityContext ?? {},
  hostNetwork: spec.hostNetwork ?? false,
  hostPID: spec.hostPID ?? false,
  hostIPC: spec.hostIPC ?? false,
});

const relevant = (pod: Pod): Fields => ({ ...pod, metadata: relevantMetadata(pod), spec: relevantSpec(pod) });

/** Why SCC admission does not look at a request; undefined when it does. */
export function whyIgnored({ operation, subresource, pod, oldPod, namespace }: Looked): IgnoredReason | undefined {
  if (!LOOKED_AT_SUBRESOURCES.has(subresource ?? '')) return 'subresource';
  if (isExemptNamespace(namespace)) return 'namespace-exempt';
  if (pod.spec.os?.name === 'windows') return 'windows';
  if (operation === 'CREATE') return undefined;
  if (!oldPod) throw new TypeError('an UPDATE must carry the old pod');
  return semanticallyEqual(relevant(pod), relevant(oldPod)) ? 'nothing-relevant-changed' : undefined;
}
