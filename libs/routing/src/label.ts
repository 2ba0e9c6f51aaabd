import { canaryName, type Violation } from '@scc/plan';
import type { LabelSwitch } from './router.js';

interface LabelFacts {
  /** `matchLabels` of the workload. */
  matchLabels: Record<string, string>;
  services: readonly { name: string; selector: Record<string, string> }[];
}

/** Keys that people and tools read most: `app` is as good a name as any, a hash is not. */
const preferred = (keys: string[]): string | undefined =>
  ['app.kubernetes.io/name', 'app', 'name'].find((key) => keys.includes(key)) ?? keys.toSorted()[0];

/**
 * The one label by which canary pods differ: a key of the workload's own selector, so that neither controller takes
 * the other's pods, and of every Service's, so that no Service of the stable pods ever picks a canary.
 */
export function chooseLabel({
  matchLabels,
  services,
}: LabelFacts): { label: LabelSwitch } | { violations: Violation[] } {
  const shared = Object.keys(matchLabels).filter((key) =>
    services.every(({ selector }) => selector[key] === matchLabels[key]),
  );
  const key = preferred(shared);
  const stable = key === undefined ? undefined : matchLabels[key];
  if (key !== undefined && stable !== undefined) return { label: { key, stable, canary: canaryName(stable) } };
  return {
    violations: [
      {
        code: 'NoSharedLabel',
        field: 'spec.workloadRef',
        message: `no label is in the selector of the workload and of every Service that picks its pods (${services.map(({ name }) => name).join(', ')})`,
        remedy: "Add one label of the workload's selector to the selector of each of these Services.",
      },
    ],
  };
}
