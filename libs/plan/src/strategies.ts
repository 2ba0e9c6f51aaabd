/** The kinds that a plan may name: for each there is a strategy. */
export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'] as const;
export type MigratedKind = (typeof WORKLOAD_KINDS)[number];

/** How a workload is moved; the words are those of `spec.strategy.type`. */
export const STRATEGIES = ['Canary', 'Rolling', 'Ordered', 'PerNode', 'NextRun'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A strategy, and why it is this one. */
export interface ChosenStrategy {
  type: Strategy;
  reason: string;
}

const WORDS: Record<Strategy, string> = {
  Canary: 'dividing its requests between it and a canary',
  Rolling: 'changing one of its pods first, then the rest',
  Ordered: 'changing its pods one by one, the highest ordinal first',
  PerNode: 'changing its pods node by node',
  NextRun: 'changing its template and judging what runs next',
};

/** The course of a strategy in a few words, which complete “a plan moves it by …”. */
export const strategyWords = (strategy: Strategy): string => WORDS[strategy];

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

/** The way in which a kind is moved where nothing speaks for another one. */
export const strategyOf = (kind: MigratedKind): ChosenStrategy => STRATEGY[kind];

/** Whether a kind can be moved by a strategy: a Deployment by two, every other kind by its own alone. */
export const fitsKind = (kind: MigratedKind, strategy: Strategy): boolean =>
  strategy === STRATEGY[kind].type || (kind === 'Deployment' && strategy === 'Rolling');

/** The same for a workload with so many replicas: one that runs no pod changes before its first ones, whatever it is. */
export const fitsWorkload = (kind: MigratedKind, strategy: Strategy, replicas: number): boolean =>
  fitsKind(kind, strategy) || (strategy === 'NextRun' && replicas === 0);

const CAN_BE_SHARED = ['ReadWriteMany', 'ReadOnlyMany'];

/** Whether pods on several nodes may mount a claim. */
export const canBeShared = ({ accessModes }: { accessModes: readonly string[] }): boolean =>
  accessModes.some((mode) => CAN_BE_SHARED.includes(mode));

/** What of a workload decides between the strategies of its kind. */
export interface StrategyFacts {
  kind: MigratedKind;
  /** `spec.strategy.type` of the plan. */
  asked?: Strategy | undefined;
  /** The Services that pick its pods. */
  services: readonly unknown[];
  /** The claims that its template mounts. */
  claims: readonly { name: string; accessModes: readonly string[] }[];
  /** The pods that it wants: of a DaemonSet one on each of its nodes. */
  replicas: number;
}

const IDLE: ChosenStrategy = {
  type: 'NextRun',
  reason: 'it runs no pod, so its template changes and its first pods are watched',
};

/**
 * The way in which a workload is moved, and why. A canary needs requests to divide, and volumes to share; a workload
 * without pods has neither, and nothing that could move.
 */
export function chooseStrategy({ kind, asked, services, claims, replicas }: StrategyFacts): ChosenStrategy {
  const isCanary = kind === 'Deployment' && asked === 'Canary';
  if (replicas === 0 && !isCanary) return IDLE;
  if (isCanary || kind !== 'Deployment') return STRATEGY[kind];
  if (asked === 'Rolling') return { type: asked, reason: 'the plan asks for it' };
  const alone = claims.find((claim) => !canBeShared(claim));
  if (alone)
    return {
      type: 'Rolling',
      reason: `a copy of it could not share the claim ${alone.name} (${alone.accessModes.join(', ') || 'no access mode'}), so one of its own pods changes first, then the rest`,
    };
  if (services.length === 0)
    return {
      type: 'Rolling',
      reason:
        'no Service picks its pods, so that there are no requests to divide: one pod changes first, then the rest',
    };
  return STRATEGY.Deployment;
}

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
  strategy === 'Rolling' || strategy === 'Ordered' || strategy === 'PerNode';
