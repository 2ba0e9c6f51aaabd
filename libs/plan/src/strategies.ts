/** The kinds that a plan may name: for each there is a strategy. */
export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'] as const;
export type MigratedKind = (typeof WORKLOAD_KINDS)[number];

/** How a workload is moved. Each kind has its own way; the words are those of `spec.strategy.type`. */
export const STRATEGIES = ['Canary', 'Ordered', 'PerNode', 'NextRun'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A strategy, and why it is this one. */
export interface ChosenStrategy {
  type: Strategy;
  reason: string;
}

const STRATEGY: Record<MigratedKind, ChosenStrategy> = {
  Deployment: { type: 'Canary', reason: 'a copy of a Deployment takes its requests over weight by weight' },
  StatefulSet: {
    type: 'Ordered',
    reason:
      'a copy of a StatefulSet could not share its volumes, so its pods change one by one, the highest ordinal first',
  },
  DaemonSet: {
    type: 'PerNode',
    reason: 'a DaemonSet runs one pod on each node already, so its pods change node by node',
  },
  CronJob: {
    type: 'NextRun',
    reason: 'a CronJob has no pod between its runs, so its template changes and its next run is watched',
  },
};

/** The way in which a kind is moved. */
export const strategyOf = (kind: MigratedKind): ChosenStrategy => STRATEGY[kind];

const API_VERSIONS: Record<MigratedKind, string> = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  CronJob: 'batch/v1',
};

/** The version of the API by which objects of a kind are read and written. */
export const apiVersionOf = (kind: MigratedKind): string => API_VERSIONS[kind];

/**
 * Whether requests are divided between the workload and a canary beside it. Targets of earlier versions name no strategy
 * and are moved by a canary.
 */
export const isDivided = (strategy: Strategy | undefined): boolean => (strategy ?? 'Canary') === 'Canary';

/** Whether the workload's own pods move one by one. */
export const movesPodByPod = (strategy: Strategy | undefined): boolean =>
  strategy === 'Ordered' || strategy === 'PerNode';
