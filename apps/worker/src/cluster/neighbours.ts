import { isNotFound, type KindRef, type KubeClient, type KubeObject } from '@scc/kube';
import { isCanaryObject, isRecord, type Violation, untracked } from '@scc/plan';
import type { LabelSwitch } from '@scc/routing';
import { preImageKeyOf } from './objects.js';

/** Kinds that pick pods by label and would stop at the canary unless they are copied for it. */
export const POLICY_KINDS: readonly KindRef[] = [
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' },
  { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' },
  { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication' },
  { apiVersion: 'networking.istio.io/v1', kind: 'Sidecar' },
  { apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry' },
];

/** Whether a label map or an `In` expression names the stable value. */
const namesStable = (value: Record<string, unknown>, { key, stable }: LabelSwitch): boolean =>
  value[key] === stable ||
  (value['key'] === key &&
    value['operator'] === 'In' &&
    Array.isArray(value['values']) &&
    value['values'].includes(stable));

/** Expressions over the key that a copy cannot express: they would pick, or drop, the canary by its other value. */
const isAmbiguous = (value: Record<string, unknown>, { key, stable }: LabelSwitch): boolean =>
  value['key'] === key &&
  value['operator'] === 'NotIn' &&
  Array.isArray(value['values']) &&
  value['values'].includes(stable);

function some(value: unknown, test: (record: Record<string, unknown>) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  return isRecord(value) && (test(value) || Object.values(value).some((item) => some(item, test)));
}

function switched(value: unknown, label: LabelSwitch): unknown {
  if (Array.isArray(value)) return value.map((item) => switched(item, label));
  if (!isRecord(value)) return value;
  if (value[label.key] === label.stable) return { ...value, [label.key]: label.canary };
  if (namesStable(value, label)) {
    const values = (value['values'] as unknown[]).map((item) => (item === label.stable ? label.canary : item));
    return { ...value, values };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, switched(item, label)]));
}

/** A copy of a policy that says of the canary's pods what the policy says of the stable ones. */
export function copyForCanary(
  policy: KubeObject,
  { name, markers, ...label }: LabelSwitch & { name: string; markers: Record<string, string> },
): KubeObject {
  return {
    apiVersion: policy.apiVersion,
    kind: policy.kind,
    metadata: {
      name,
      ...(policy.metadata.namespace ? { namespace: policy.metadata.namespace } : {}),
      labels: { ...untracked(policy.metadata.labels), ...markers },
    },
    spec: switched(policy['spec'], label),
  };
}

/** Which policies of a namespace must be copied for the canary, and which cannot be. */
export function surveyPolicies(
  policies: KubeObject[],
  label: LabelSwitch,
): { copied: string[]; violations: Violation[] } {
  const copied: string[] = [];
  const violations: Violation[] = [];
  for (const policy of policies) {
    const { apiVersion, kind } = policy;
    const { namespace = '', name = '' } = policy.metadata;
    if (some(policy['spec'], (record) => isAmbiguous(record, label)))
      violations.push({
        code: 'PolicyCanNotBeCopied',
        field: 'spec.workloadRef',
        message: `${kind} ${name} excludes pods by "${label.key} NotIn", which the canary's pods would escape`,
        remedy: `Select by matchLabels or In in ${kind} ${name}, or by another label than ${label.key}.`,
      });
    else if (some(policy['spec'], (record) => namesStable(record, label)))
      copied.push(preImageKeyOf({ apiVersion, kind, namespace, name }));
  }
  return { copied, violations };
}

/** Every policy of a namespace; kinds that the cluster does not serve have none. */
export async function listNeighbourPolicies(kube: KubeClient, namespace: string): Promise<KubeObject[]> {
  const lists = await Promise.all(
    POLICY_KINDS.map(async (kind) => {
      try {
        return (await kube.list(kind, { namespace })).items;
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    }),
  );
  return lists.flat().filter(({ metadata }) => !isCanaryObject(metadata));
}
