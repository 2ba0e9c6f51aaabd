import type { KubeObject, ObjectId } from '@scc/kube';
import { copyName, isRecord, type Violation, untracked } from '@scc/plan';
import type { LabelSwitch } from '@scc/routing';
import { preImageKeyOf } from './objects.js';
import { picks } from './selectors.js';

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

/** Kinds of which the oldest object alone holds for a pod. */
const OLDEST_HOLDS = ['PeerAuthentication', 'Sidecar', 'Telemetry', 'ProxyConfig'];

const selectorOf = (policy: KubeObject): unknown => {
  const spec = isRecord(policy['spec']) ? policy['spec'] : {};
  return spec['selector'] ?? spec['workloadSelector'];
};
/** A selector that says nothing makes a policy the namespace's, which yields to one of pods whatever their age. */
const isOfPods = (selector: unknown): boolean =>
  isRecord(selector) && Object.values(selector).some((part) => !isRecord(part) || Object.keys(part).length > 0);

/** The mesh takes policies of one age by their names; the API server writes ages in whole seconds. */
function compareByAge(one: KubeObject, other: KubeObject): number {
  const [a, b] = [one.metadata, other.metadata];
  return (
    (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '') || ((a.name ?? '') < (b.name ?? '') ? -1 : 1)
  );
}

/**
 * Why a policy that holds for the workload would not hold for the canary: its copy is younger than one which picks both,
 * and which it is older than.
 */
export const overtakenViolations = (
  policies: readonly KubeObject[],
  label: LabelSwitch,
  podLabels: Readonly<Record<string, string>>,
): Violation[] =>
  policies.flatMap((policy) => {
    const { kind, metadata } = policy;
    const isCopied = some(policy['spec'], (record) => namesStable(record, label));
    if (!OLDEST_HOLDS.includes(kind) || !isCopied || picks(selectorOf(policy), podLabels) !== true) return [];
    const ofCanary = { ...podLabels, [label.key]: label.canary };
    const other = policies.find(
      (one) =>
        one.kind === kind &&
        one.metadata.namespace === metadata.namespace &&
        isOfPods(selectorOf(one)) &&
        picks(selectorOf(one), ofCanary) === true &&
        compareByAge(policy, one) < 0,
    );
    if (!other) return [];
    const [name, younger] = [metadata.name ?? '', other.metadata.name ?? ''];
    return [
      {
        code: 'PolicyCanNotBeCopied',
        field: 'spec.workloadRef',
        message: `${kind} ${name} holds for the workload's pods since it is older than ${younger}, which picks the canary's pods too: a copy of ${name} would be the younger one`,
        remedy: `Let ${kind} ${younger} not pick these pods, for which it does not hold now.`,
      },
    ];
  });

/** Policies in the order in which their copies are to be made: what holds first is older, and the root's hold first. */
export const inOrderOfAge = (policies: readonly KubeObject[], namespace: string): KubeObject[] => {
  const isOfRoot = ({ metadata }: KubeObject): number => (metadata.namespace === namespace ? 1 : 0);
  return policies.toSorted((one, other) => isOfRoot(one) - isOfRoot(other) || compareByAge(one, other));
};

/** Whether a copy must be a second younger than the one before it, since its name comes first. */
export const mustBeYounger = (before: ObjectId | undefined, { kind, name }: ObjectId): boolean =>
  before?.kind === kind && name < before.name && [...OLDEST_HOLDS, 'EnvoyFilter', 'WasmPlugin'].includes(kind);
