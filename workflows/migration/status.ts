import type { PlanStatus, WayIn } from '@scc/plan';
import { withPods, type MigrationState } from './state.js';

/** The fields that have a value; the API server refuses null for most. */
type Present<T> = { [Key in keyof T]?: NonNullable<T[Key]> };
const present = <T extends object>(fields: T): Present<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Present<T>;

const VERIFIED_BY = { proxies: 'Proxies', bound: 'Bound' } as const;

/** The ways in with what is known of their requests: a way that nothing divides stays with the workload, unseen. */
const trafficOf = ({
  ways = [],
  verifiedBy,
  weight,
  shares = [],
}: MigrationState): NonNullable<PlanStatus['traffic']> => {
  const realOf = ({ kind, name }: WayIn) => shares.find((one) => one.kind === kind && one.name === name);
  // Ways that end at the endpoints of a Service have its share.
  const byPods = shares.find(({ kind }) => kind === 'Service');
  return ways.map((way) => {
    const isSeen = way.dividedBy !== 'Nothing' && verifiedBy;
    return {
      ...way,
      verifiedBy: isSeen ? VERIFIED_BY[isSeen] : 'NotObserved',
      share:
        way.dividedBy === 'Nothing'
          ? 0
          : ((realOf(way) ?? (way.dividedBy === 'Replicas' ? byPods : undefined))?.share ?? weight),
    };
  });
};

/** The pods by their SCC, and how far they have moved; once the migration is undone, what moved has gone back. */
function podsOf(state: MigrationState): PodsStatus {
  const { phase, pods: found, moved = [], targetSCC, strategy, ordinals } = state;
  const isBack = phase === 'RolledBack';
  const pods = isBack ? found : withPods(state, found, moved);
  const bySCC: Record<string, number> = {};
  for (const { scc } of pods) bySCC[scc ?? 'unknown'] = (bySCC[scc ?? 'unknown'] ?? 0) + 1;
  const migrated = pods.filter(({ scc }) => scc !== null && scc === targetSCC).length;
  return {
    ...(pods.length ? { pods: { total: pods.length, migrated, bySCC } } : {}),
    ...(strategy ? { strategy } : {}),
    ...(ordinals && !isBack ? { ordinals } : {}),
  };
}
type PodsStatus = Pick<PlanStatus, 'pods' | 'strategy' | 'ordinals'>;

const warned = (warnings: readonly string[] = []): Pick<PlanStatus, 'warnings'> =>
  warnings.length > 0 ? { warnings: [...warnings] } : {};

/** The plan's status: a projection of the state, nothing more. */
export function statusOf(state: MigrationState, ids: { workflowId: string; runId: string }): PlanStatus {
  const {
    phase,
    message,
    sourceSCC,
    targetSCC,
    weight,
    risk,
    patch,
    rights = [],
    history,
    startedAt,
    finishedAt,
  } = state;
  return {
    observedGeneration: state.generation,
    phase,
    message,
    weight,
    history,
    ...ids,
    ...present({ sourceSCC, targetSCC, risk, patch, startedAt, finishedAt }),
    ...podsOf(state),
    ...(state.kustomizePatch === undefined ? {} : { kustomizePatch: state.kustomizePatch }),
    ...(rights.length ? { rights } : {}),
    ...warned(state.warnings),
    ...(state.ways?.length ? { traffic: trafficOf(state) } : {}),
    ...(state.violations.length ? { violations: state.violations } : {}),
    conditions: state.conditions.map((condition) => ({ ...condition, observedGeneration: state.generation })),
  };
}
