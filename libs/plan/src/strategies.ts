/** The kinds that a plan may name. */
export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;
type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** How a workload is moved. Each kind has its own way; the words are those of `spec.strategy.type`. */
export const STRATEGIES = ['Canary', 'Ordered'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A strategy, and why it is this one. */
export interface ChosenStrategy {
  type: Strategy;
  reason: string;
}

type Chosen = { ok: true; strategy: ChosenStrategy } | { ok: false; message: string };

const BY_KIND: Record<WorkloadKind, Chosen> = {
  Deployment: {
    ok: true,
    strategy: { type: 'Canary', reason: 'a copy of a Deployment takes its requests over weight by weight' },
  },
  StatefulSet: {
    ok: true,
    strategy: {
      type: 'Ordered',
      reason:
        'a copy of a StatefulSet could not share its volumes, so its pods change one by one, the highest ordinal first',
    },
  },
  DaemonSet: {
    ok: false,
    message:
      'a DaemonSet cannot be migrated, only a Deployment or a StatefulSet can: it runs one pod on each node already, so there is no canary to move requests to',
  },
};

/** The way in which a kind is moved, or why there is none. */
export const strategyOf = (kind: WorkloadKind): Chosen => BY_KIND[kind];
