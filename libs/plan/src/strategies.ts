/** The kinds that a plan may name; one that no strategy moves is refused by name. */
export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'] as const;
type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** The kinds for which there is a strategy. */
export type MigratedKind = Exclude<WorkloadKind, 'CronJob'>;

/** How a workload is moved. Each kind has its own way; the words are those of `spec.strategy.type`. */
export const STRATEGIES = ['Canary', 'Ordered', 'PerNode'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A strategy, and why it is this one. */
export interface ChosenStrategy {
  type: Strategy;
  reason: string;
}

type Chosen = { ok: true; kind: MigratedKind; strategy: ChosenStrategy } | { ok: false; message: string };

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
};

/** The way in which a kind is moved, or why there is none. */
export function strategyOf(kind: WorkloadKind): Chosen {
  if (kind !== 'CronJob') return { ok: true, kind, strategy: STRATEGY[kind] };
  return {
    ok: false,
    message:
      'a CronJob cannot be migrated, only a Deployment, a StatefulSet or a DaemonSet can: between its runs it has no pod that could be watched',
  };
}

/**
 * Whether the workload's own pods move one by one, without a canary beside them. Targets of earlier versions name no
 * strategy and are moved by a canary.
 */
export const movesPodByPod = (strategy: Strategy | undefined): boolean =>
  strategy === 'Ordered' || strategy === 'PerNode';
