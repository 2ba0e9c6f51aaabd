import type { Condition, MigrationEvent, Phase, PlanStatus, PodSCC, RecordedEvent, Violation } from '@scc/plan';

type ConditionType =
  | 'Validated'
  | 'Approved'
  | 'WindowOpen'
  | 'Paused'
  | 'CanaryReady'
  | 'WorkloadMigrated'
  | 'Completed'
  | 'RolledBack'
  | 'Rejected'
  | 'Finished';

/** The migration as the sequence of its events left it. Only `evolve` makes one from another. */
export interface MigrationState {
  phase: Phase;
  message: string;
  generation: number;
  sourceSCC: string | null;
  targetSCC: string | null;
  weight: number;
  pods: PodSCC[];
  risk: NonNullable<PlanStatus['risk']> | null;
  violations: Violation[];
  /** The change of the pod template as YAML. */
  patch: string | null;
  conditions: Condition[];
  history: { phase: Phase; at: string; message: string }[];
  /** What the migration waits for, or null. */
  waitingFor: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  sequence: number;
}

export const initialState = (): MigrationState => ({
  phase: 'Pending',
  message: 'waiting to be validated',
  generation: 0,
  sourceSCC: null,
  targetSCC: null,
  weight: 0,
  pods: [],
  risk: null,
  violations: [],
  patch: null,
  conditions: [],
  history: [],
  waitingFor: null,
  startedAt: null,
  finishedAt: null,
  sequence: 0,
});

interface Change {
  phase?: Phase;
  message?: string;
  conditions?: [ConditionType, 'True' | 'False', string, string][];
  set?: Partial<MigrationState>;
}

const finished = (phase: 'Completed' | 'RolledBack' | 'Rejected', reason: string, message: string): Change => ({
  phase,
  message,
  conditions: [
    [phase, 'True', reason, message],
    ['Finished', 'True', phase, message],
  ],
  set: { waitingFor: null },
});

/** Conditions that a wait for this reason turns to False (or, for a pause, to True). */
const waitCondition = (reason: string, message: string): Change['conditions'] => {
  if (reason === 'Approval') return [['Approved', 'False', 'WaitingForApproval', message]];
  if (reason === 'Window') return [['WindowOpen', 'False', 'OutsideWindow', message]];
  if (reason === 'Paused' || reason === 'Suspended' || reason === 'AfterFailure')
    return [['Paused', 'True', reason, message]];
  return [];
};

const waitEndedCondition = (reason: string): Change['conditions'] => {
  if (reason === 'Window') return [['WindowOpen', 'True', 'InWindow', 'the migration may run now']];
  if (reason === 'Paused' || reason === 'Suspended' || reason === 'AfterFailure')
    return [['Paused', 'False', 'Resumed', 'the migration goes on']];
  return [];
};

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** What each event changes; the type of the table makes it complete. */
const CHANGES: { [Type in MigrationEvent['type']]: (event: Extract<MigrationEvent, { type: Type }>) => Change } = {
  PlanAccepted: (event) => ({
    phase: 'Validating',
    message: 'gathering facts and checking the plan',
    set: { generation: event.generation },
  }),
  FactsGathered: (event) => ({ set: { sourceSCC: event.sourceSCC, targetSCC: event.targetSCC, pods: event.pods } }),
  RiskScored: (event) => ({
    set: { risk: { band: event.band, changeRisk: event.changeRisk, exposure: event.exposure } },
  }),
  PlanValidated: (event) => ({ message: 'every check passed', set: { patch: event.patch } }),
  PlanRejected: (event) => {
    const message = `${plural(event.violations.length, 'violation')}: ${event.violations.map(({ message: text }) => text).join('; ')}`;
    const change = finished('Rejected', event.violations[0]?.code ?? 'Refused', message);
    return {
      ...change,
      conditions: [...(change.conditions ?? []), ['Validated', 'False', 'Refused', message]],
      set: { ...change.set, violations: event.violations },
    };
  },
  ApprovalRequested: (event) => {
    const needs = event.roles.map(({ role, count }) => `${count} × ${role}`).join(', ');
    return { conditions: [['Approved', 'False', 'WaitingForApproval', `needs ${needs}`]] };
  },
  ApprovalGranted: (event) => ({
    conditions: [['Approved', 'True', 'Granted', `approved by ${event.by.join(', ') || 'policy'}`]],
  }),
  ApprovalRefused: (event) => ({ conditions: [['Approved', 'False', 'Refused', event.reason]] }),
  WaitStarted: (event) => ({
    message: event.message,
    conditions: waitCondition(event.reason, event.message) ?? [],
    set: { waitingFor: event.message },
  }),
  WaitEnded: (event) => ({ conditions: waitEndedCondition(event.reason) ?? [], set: { waitingFor: null } }),
  PreparationStarted: () => ({
    phase: 'Mirroring',
    message: 'preparing the canary under the target SCC',
    conditions: [['Validated', 'True', 'Valid', 'every check passed and governance allows the migration']],
  }),
  TargetGranted: (event) => ({ message: `granted the target SCC (${event.binding})` }),
  CanaryReady: (event) => ({
    message: `${plural(event.pods.length, 'canary pod')} ready`,
    conditions: [['CanaryReady', 'True', 'Ready', `${plural(event.pods.length, 'pod')} run under the target SCC`]],
  }),
  MirroringStarted: (event) => ({ message: `mirroring ${event.percentage} % of live requests to the canary` }),
  MirroringEnded: () => ({ message: 'mirroring ended' }),
  WeightShifted: (event) => ({
    phase: 'TrafficShifting',
    message: `${event.weights.canary} % of requests go to the canary`,
    set: { weight: event.weights.canary },
  }),
  GatePassed: () => ({}),
  GateFailed: (event) => ({
    message: `gate failed: ${event.samples.map(({ gate, detail }) => `${gate} ${detail}`).join('; ')}`,
  }),
  WorkloadMigrationStarted: () => ({
    phase: 'Migrating',
    message: 'rolling out the workload under the target SCC behind the canary',
  }),
  WorkloadMigrated: (event) => ({
    message: `${plural(event.pods.length, 'pod')} of the workload run under the target SCC`,
    conditions: [['WorkloadMigrated', 'True', 'Verified', 'every pod carries the target SCC']],
    set: { pods: event.pods },
  }),
  TrafficReturned: () => ({ message: 'all requests are served by the migrated workload', set: { weight: 0 } }),
  CanaryRemoved: () => ({
    message: 'the canary is gone',
    conditions: [['CanaryReady', 'False', 'Removed', 'the canary was drained and removed']],
  }),
  SourceRevoked: (event) => ({
    message: event.kept ?? (event.bindings.length ? `revoked ${event.bindings.join(', ')}` : 'nothing to revoke'),
  }),
  MigrationCompleted: (event) => {
    const { traffic } = event;
    const proof = traffic
      ? `${Math.round(traffic.requests)} requests served, ${Math.round(traffic.failed)} failed`
      : 'done';
    return finished('Completed', 'Migrated', proof);
  },
  DryRunFinished: (event) => finished('Completed', 'DryRun', event.message),
  CommandApplied: (event) => ({ message: `${event.command} by ${event.actor ?? 'an unknown sender'}` }),
  UndoStarted: (event) => ({
    phase: 'RollingBack',
    message: event.message,
    conditions: [['Completed', 'False', 'RollingBack', event.message]],
    set: { waitingFor: null },
  }),
  UndoStepDone: (event) => ({ message: `undone: ${event.step}` }),
  UndoStepFailed: (event) => ({
    phase: 'Failed',
    message: `undo of ${event.step} fails (attempt ${event.attempt}) and is tried again: ${event.message}`,
  }),
  ConflictFound: (event) => ({
    message: `${event.manager} changed ${event.object} (${event.fields.join(', ')}): left as it is`,
  }),
  UndoFinished: (event) => {
    const message = event.differences.length
      ? `rolled back; differs from before: ${event.differences.join(', ')}`
      : 'rolled back; every touched object is as it was';
    const change = finished('RolledBack', event.differences.length ? 'WithDifferences' : 'Restored', message);
    return { ...change, set: { ...change.set, weight: 0 } };
  },
};

const changeOf = (event: MigrationEvent): Change => (CHANGES[event.type] as (event: MigrationEvent) => Change)(event);

function setCondition(conditions: Condition[], next: Condition): Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : next.lastTransitionTime;
  return [...conditions.filter(({ type }) => type !== next.type), { ...next, lastTransitionTime }];
}

/** Weights also move while the workload migrates and while an undo runs; only on the way up are they a phase. */
function nextPhase(phase: Phase, event: MigrationEvent, wanted: Phase | undefined): Phase {
  if (event.type === 'WeightShifted' && phase !== 'Mirroring') return phase;
  if (event.type === 'UndoStepDone' && phase === 'Failed') return 'RollingBack';
  return wanted ?? phase;
}

const isTerminal = (phase: Phase): boolean => phase === 'Completed' || phase === 'RolledBack' || phase === 'Rejected';

/**
 * The state after one more event: the only place where a phase changes.
 * @throws TypeError on an event that this version does not know.
 */
export function evolve(state: MigrationState, event: MigrationEvent, at: string): MigrationState {
  const change = changeOf(event);
  const phase = nextPhase(state.phase, event, change.phase);
  const message = change.message ?? state.message;
  const conditions = (change.conditions ?? []).reduce(
    (all, [type, status, reason, text]) =>
      setCondition(all, { type, status, reason, message: text, lastTransitionTime: at }),
    state.conditions,
  );
  return {
    ...state,
    ...change.set,
    phase,
    message,
    conditions,
    history: phase === state.phase && state.history.length ? state.history : [...state.history, { phase, at, message }],
    startedAt: state.startedAt ?? at,
    finishedAt: isTerminal(phase) ? at : null,
    sequence: state.sequence + 1,
  };
}

/** One event with its place in the sequence of its workflow run, and the state that it leads to. */
export function recordEvent(
  state: MigrationState,
  event: MigrationEvent,
  at: string,
): { state: MigrationState; recorded: RecordedEvent } {
  const next = evolve(state, event, at);
  return { state: next, recorded: { version: 1, sequence: state.sequence, at, phase: next.phase, event } };
}

/** The fields that have a value; the API server refuses null for most. */
type Present<T> = { [Key in keyof T]?: NonNullable<T[Key]> };
const present = <T extends object>(fields: T): Present<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Present<T>;

/** The plan's status: a projection of the state, nothing more. */
export function statusOf(state: MigrationState, ids: { workflowId: string; runId: string }): PlanStatus {
  const bySCC: Record<string, number> = {};
  for (const { scc } of state.pods) bySCC[scc ?? 'unknown'] = (bySCC[scc ?? 'unknown'] ?? 0) + 1;
  const migrated = state.pods.filter(({ scc }) => scc !== null && scc === state.targetSCC).length;
  const { phase, message, sourceSCC, targetSCC, weight, risk, patch, history, startedAt, finishedAt } = state;
  return {
    observedGeneration: state.generation,
    phase,
    message,
    weight,
    history,
    ...ids,
    ...present({ sourceSCC, targetSCC, risk, patch, startedAt, finishedAt }),
    ...(state.pods.length ? { pods: { total: state.pods.length, migrated, bySCC } } : {}),
    ...(state.violations.length ? { violations: state.violations } : {}),
    conditions: state.conditions.map((condition) => ({ ...condition, observedGeneration: state.generation })),
  };
}
