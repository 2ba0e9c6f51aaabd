import type { KubeObject } from '@scc/kube';
import { copyName, isRecord, type Violation, untracked } from '@scc/plan';
import type { LabelSwitch } from '@scc/routing';
import { preImageKeyOf } from './objects.js';

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

/** Selectors that name the stable value name both. */
function widened(value: unknown, label: LabelSwitch): unknown {
  if (Array.isArray(value)) return value.map((item) => widened(item, label));
  if (!isRecord(value)) return value;
  const { key, stable, canary } = label;
  const { matchLabels, matchExpressions = [] } = value;
  if (isRecord(matchLabels) && matchLabels[key] === stable) {
    const { [key]: _stable, ...others } = matchLabels;
    const both = { key, operator: 'In', values: [stable, canary] };
    const expressions = widened(matchExpressions, label) as unknown[];
    return { ...value, matchLabels: others, matchExpressions: [...expressions, both] };
  }
  if (namesStable(value, label)) return { ...value, values: [...(value['values'] as unknown[]), canary] };
  return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, widened(item, label)]));
}

/**
 * What a policy says of the stable pods, said of the canary's. A NetworkPolicy whose peers are these pods as well holds
 * for both in its copy, so that the two sides may talk to each other: what it allows adds up.
 */
function specForCanary({ kind, ...policy }: KubeObject, label: LabelSwitch): unknown {
  const spec = policy['spec'];
  if (kind !== 'NetworkPolicy' || !isRecord(spec)) return switched(spec, label);
  const { podSelector, ...rules } = spec;
  return some(rules, (record) => namesStable(record, label))
    ? widened(spec, label)
    : { ...rules, podSelector: switched(podSelector, label) };
}

/** Where the copy of a policy lives: beside the canary, wherever its original is. */
export const copyIdOf = <Id extends { namespace?: string; name: string }>(original: Id, namespace: string) => ({
  ...original,
  namespace,
  name: copyName(
    original.namespace === undefined || original.namespace === namespace
      ? original.name
      : `${original.namespace}-${original.name}`,
  ),
});

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
    spec: specForCanary(policy, label),
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
