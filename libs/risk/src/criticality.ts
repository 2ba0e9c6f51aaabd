import { CRITICALITY_LABEL } from '@scc/plan';

/** Where a workload's criticality is looked for. */
export interface CriticalityFacts {
  readonly workloadLabels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly priorityClassName: string | null;
}

export interface Criticality {
  /** Null when nothing says how critical it is, or says it in an unknown word. */
  readonly value: number | null;
  readonly from: string;
}

const LEVELS = new Map([
  ['low', 0],
  ['medium', 1 / 3],
  ['high', 2 / 3],
  ['critical', 1],
]);
const PRIORITY_CLASSES = new Map([
  ['system-cluster-critical', 1],
  ['system-node-critical', 1],
]);
const ENVIRONMENT_LABELS = ['environment', 'env'];
const ENVIRONMENTS = new Map([
  ['production', 2 / 3],
  ['prod', 2 / 3],
  ['staging', 1 / 3],
  ['development', 0],
  ['dev', 0],
  ['test', 0],
]);

/** The first source that says anything decides; a word that is not known is not skipped. */
export function criticalityOf({ workloadLabels, namespaceLabels, priorityClassName }: CriticalityFacts): Criticality {
  for (const [labels, owner] of [
    [workloadLabels, 'the workload'],
    [namespaceLabels, 'the namespace'],
  ] as const) {
    const word = labels[CRITICALITY_LABEL];
    if (word !== undefined)
      return { value: LEVELS.get(word) ?? null, from: `the label ${CRITICALITY_LABEL}=${word} of ${owner}` };
  }
  const priority = PRIORITY_CLASSES.get(priorityClassName ?? '');
  if (priority !== undefined) return { value: priority, from: `the priority class ${priorityClassName ?? ''}` };
  for (const label of ENVIRONMENT_LABELS) {
    const word = namespaceLabels[label];
    if (word !== undefined)
      return { value: ENVIRONMENTS.get(word) ?? null, from: `the label ${label}=${word} of the namespace` };
  }
  return { value: null, from: 'nothing says how critical it is' };
}
