import type {
  ChosenStrategy,
  Condition,
  MigrationEvent,
  Phase,
  PlanStatus,
  PodSCC,
  RecordedEvent,
  TerminalPhase,
  UndoReason,
  Violation,
  WayIn,
} from '@scc/plan';
import type { WayShare } from '@scc/routing';
import { headlineOf, isTerminal, MAX_WARNINGS, isDivided, sentenceOf, setCondition } from '@scc/plan/words';
import { type ConditionChange, SILENT_BY, WAIT_CONDITIONS } from './conditions.js';

/** The migration as the sequence of its events left it. Only `evolve` makes one from another. */
export interface MigrationState {
  phase: Phase;
  message: string;
  generation: number;
  sourceSCC: string | null;
  targetSCC: string | null;
  weight: number;
  /** Every way in, and how the last weight was verified; absent from states of earlier versions. */
  ways?: WayIn[];
  verifiedBy?: 'proxies' | 'bound' | null;
  /** Of ways that are not divided exactly as the weight says. */
  shares?: WayShare[];
  pods: PodSCC[];
  risk: NonNullable<PlanStatus['risk']> | null;
  violations: Violation[];
  /** The change of the pod template as YAML. */
  patch: string | null;
  /** The same for the source of a workload that a tool delivers; absent where none does. */
  kustomizePatch?: string;
  /** How the workload is moved; absent from states of earlier versions, and before it is known. */
  strategy?: ChosenStrategy;
  /** Pods that moved one by one so far; absent from any other migration. */
  moved?: PodSCC[];
  /** How far a migration is that moves pods one by one; absent from any other. */
  ordinals?: NonNullable<PlanStatus['ordinals']>;
  /** The rights that the plan uses and who holds them; absent from states of earlier versions. */
  rights?: NonNullable<PlanStatus['rights']>;
  /** Of the last validation; absent from states of earlier versions. */
  warnings?: string[];
  conditions: Condition[];
  history: { phase: Phase; at: string; message: string }[];
  /** The reason for which the migration waits, or null. */
  waitingFor: string | null;
  /** Why the migration is or was undone, or null. */
  undo: UndoReason | null;
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
  ways: [],
  verifiedBy: null,
  pods: [],
  risk: null,
  violations: [],
  patch: null,
  conditions: [],
  history: [],
  waitingFor: null,
  undo: null,
  startedAt: null,
  finishedAt: null,
  sequence: 0,
});

interface Change {
  phase?: Phase;
  conditions?: ConditionChange[];
  set?: Partial<MigrationState>;
  /** A pod that has moved by itself. */
  moved?: PodSCC;
}

type Event<Type extends MigrationEvent['type']> = Extract<MigrationEvent, { type: Type }>;

/** Why a workload counts as changed and not as migrated: nothing has run under the target. */
const NOT_OBSERVED = 'NotObserved';

const finished = (phase: TerminalPhase, event: MigrationEvent, reason: string): Change => ({
  phase,
  conditions: [
    [phase, 'True', reason, sentenceOf(event)],
    ['Finished', 'True', phase, sentenceOf(event)],
  ],
  set: { waitingFor: null },
});

/** The changes by each event beside the message; the type of the table makes it complete. */
const CHANGES: { [Type in MigrationEvent['type']]: (event: Event<Type>) => Change } = {
  PlanAccepted: ({ generation }) => ({ phase: 'Validating', set: { generation } }),
  FactsGathered: ({ sourceSCC, targetSCC, pods, ways = [] }) => ({ set: { sourceSCC, targetSCC, pods, ways } }),
  RiskScored: ({ band, changeRisk, exposure }) => ({ set: { risk: { band, changeRisk, exposure } } }),
  PlanValidated: ({ patch, kustomizePatch, rights, strategy, warnings }) => ({
    set: {
      ...{ patch, warnings: warnings.slice(0, MAX_WARNINGS) },
      ...(kustomizePatch ? { kustomizePatch } : {}),
      ...(rights ? { rights } : {}),
      ...(strategy ? { strategy } : {}),
    },
  }),
  PlanRejected: (event) => {
    const { conditions, set, ...change } = finished('Rejected', event, event.violations[0]?.code ?? 'Refused');
    return {
      ...change,
      conditions: [...(conditions ?? []), ['Validated', 'False', 'Refused', sentenceOf(event)]],
      set: { ...set, violations: event.violations },
    };
  },
  ApprovalRequested: (event) => ({ conditions: [['Approved', 'False', 'WaitingForApproval', sentenceOf(event)]] }),
  ApprovalGranted: (event) => ({ conditions: [['Approved', 'True', 'Granted', sentenceOf(event)]] }),
  ApprovalRefused: (event) => ({ conditions: [['Approved', 'False', 'Refused', sentenceOf(event)]] }),
  WaitStarted: ({ reason, message }) => ({
    conditions: [[...WAIT_CONDITIONS[reason].during, message]],
    set: { waitingFor: message },
  }),
  WaitEnded: ({ reason }) => {
    const { after } = WAIT_CONDITIONS[reason];
    return { ...(after ? { conditions: [after] } : {}), set: { waitingFor: null } };
  },
  PreparationStarted: ({ strategy }) => ({
    phase: isDivided(strategy) ? 'Mirroring' : 'Migrating',
    conditions: [['Validated', 'True', 'Valid', 'every check passed and governance allows the migration']],
  }),
  TargetGranted: () => ({}),
  CanaryReady: (event) => ({ conditions: [['CanaryReady', 'True', 'Ready', sentenceOf(event)]] }),
  MirroringStarted: () => ({}),
  MirroringEnded: () => ({}),
  WeightShifted: ({ weights, verifiedBy, shares = [] }) => ({
    phase: 'TrafficShifting',
    set: { weight: weights.canary, verifiedBy, shares },
  }),
  GatePassed: () => ({}),
  GateFailed: () => ({}),
  WorkloadStopped: () => ({ phase: 'Migrating' }),
  OwnersChanged: () => ({}),
  WorkloadMigrationStarted: () => ({ phase: 'Migrating' }),
  StableSideSeen: ({ isSilent, restsOn, message }) => ({
    conditions: [['StableSilent', isSilent ? 'True' : 'False', isSilent ? SILENT_BY[restsOn] : 'StillCalled', message]],
  }),
  PodMoved: ({ pod, moved, total }) => ({ set: { ordinals: { moved, total, last: pod.name } }, moved: pod }),
  WorkloadMigrated: (event) => ({
    conditions: [['WorkloadMigrated', 'True', 'Verified', sentenceOf(event)]],
    set: { pods: event.pods },
  }),
  TrafficReturned: () => ({ set: { weight: 0 } }),
  BakeStarted: () => ({}),
  CanaryRemoved: (event) => ({ conditions: [['CanaryReady', 'False', 'Removed', sentenceOf(event)]] }),
  SourceRevoked: () => ({}),
  MigrationCompleted: (event) => {
    if (!event.notObserved) return finished('Completed', event, 'Migrated');
    const { conditions = [], ...change } = finished('Completed', event, NOT_OBSERVED);
    return { ...change, conditions: [...conditions, ['WorkloadMigrated', 'False', NOT_OBSERVED, sentenceOf(event)]] };
  },
  DryRunFinished: (event) => finished('Completed', event, 'DryRun'),
  CommandApplied: () => ({}),
  UndoStarted: (event) => ({
    phase: 'RollingBack',
    conditions: [['Completed', 'False', 'RollingBack', sentenceOf(event)]],
    set: { waitingFor: null, undo: { cause: event.cause, message: event.message } },
  }),
  UndoStepDone: () => ({}),
  UndoStepFailed: (event) => ({
    phase: 'Failed',
    conditions: [['RolledBack', 'False', 'UndoFailed', sentenceOf(event)]],
  }),
  ConflictFound: () => ({}),
  UndoFinished: (event) => {
    const { set, ...change } = finished('RolledBack', event, event.differences.length ? 'WithDifferences' : 'Restored');
    return { ...change, set: { ...set, weight: 0 } };
  },
};

const changeOf = (event: MigrationEvent): Change => (CHANGES[event.type] as (event: MigrationEvent) => Change)(event);

/** Weights also move while the workload migrates and while an undo runs; only on the way up are they a phase. */
function nextPhase(phase: Phase, event: MigrationEvent, wanted: Phase | undefined): Phase {
  if (event.type === 'WeightShifted' && phase !== 'Mirroring') return phase;
  if (event.type === 'UndoStepDone' && phase === 'Failed') return 'RollingBack';
  return wanted ?? phase;
}

/** Pods, each in the place of the one before it: of its name, or, of a DaemonSet, of its node. */
export function withPods(
  { strategy }: Pick<MigrationState, 'strategy'>,
  before: readonly PodSCC[],
  now: readonly PodSCC[],
): PodSCC[] {
  const placeOf = ({ name, node }: PodSCC): string => (strategy?.type === 'PerNode' ? (node ?? name) : name);
  const taken = new Set(now.map(placeOf));
  return [...before.filter((pod) => !taken.has(placeOf(pod))), ...now];
}

/**
 * The state after one more event: the only place where a phase changes.
 * @throws TypeError on an event that this version does not know.
 */
export function evolve(state: MigrationState, event: MigrationEvent, at: string): MigrationState {
  const change = changeOf(event);
  const phase = nextPhase(state.phase, event, change.phase);
  const message = headlineOf(event) ?? state.message;
  const conditions = (change.conditions ?? []).reduce(
    (all, [type, status, reason, text]) =>
      setCondition(all, { type, status, reason, message: text, lastTransitionTime: at }),
    state.conditions,
  );
  return {
    ...state,
    ...change.set,
    ...(change.moved ? { moved: withPods(state, state.moved ?? [], [change.moved]) } : {}),
    phase,
    message,
    conditions,
    history: phase === state.phase && state.history.length ? state.history : [...state.history, { phase, at, message }],
    startedAt: state.startedAt ?? at,
    finishedAt: isTerminal(phase) ? at : null,
    sequence: state.sequence + 1,
  };
}

/** The last event of an undo repeats why the migration is undone, so that it can be read alone. */
const withCause = ({ undo }: MigrationState, event: MigrationEvent): MigrationEvent =>
  undo && (event.type === 'UndoFinished' || event.type === 'UndoStepFailed') ? { ...event, because: undo } : event;

/** One event with its place in the sequence of its workflow run, and the state that it leads to. */
export function recordEvent(
  state: MigrationState,
  event: MigrationEvent,
  at: string,
): { state: MigrationState; recorded: RecordedEvent } {
  const told = withCause(state, event);
  const next = evolve(state, told, at);
  return { state: next, recorded: { version: 1, sequence: state.sequence, at, phase: next.phase, event: told } };
}
