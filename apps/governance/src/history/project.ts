import {
  type GateSample,
  headlineOf,
  type MigrationEvent,
  type PodSCC,
  type RecordedEvent,
  type StableSide,
  type Strategy,
  type TrafficSummary,
} from '@scc/plan';
import type { Activation } from '../registry/activations.js';

/** Where an event stands among all events of one plan. */
export interface StoredEvent extends RecordedEvent {
  workflowId: string;
  runId: string;
}

/** `untrusted`: an end was reported that the receipts do not cover. */
type Outcome = 'completed' | 'rolledBack' | 'rejected' | 'dryRun' | 'untrusted';

interface ProjectedPod extends PodSCC {
  role: 'before' | 'canary' | 'after';
  at: string;
}

/** The read model of one migration. */
export interface MigrationView {
  phase: RecordedEvent['phase'];
  message: string;
  sourceSCC: string | null;
  targetSCC: string | null;
  author: string | null;
  risk: { band: string; changeRisk: number; exposure: number } | null;
  strategy: Strategy | null;
  weight: number;
  waitingFor: string | null;
  outcome: Outcome | null;
  undoCause: string | null;
  traffic: TrafficSummary | null;
  /** What reached the workload's own pods before they were rolled: of proofs alone. */
  stableSide: StableSide | null;
  workflowId: string | null;
  runId: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  updatedAt: string | null;
  events: number;
  gates: (GateSample & { weight: number })[];
  weights: { canary: number; stable: number; verifiedBy: string; at: string }[];
  pods: ProjectedPod[];
  activations: Activation[];
}

const emptyView = (): MigrationView => ({
  phase: 'Pending',
  message: '',
  sourceSCC: null,
  targetSCC: null,
  author: null,
  risk: null,
  strategy: null,
  weight: 0,
  waitingFor: null,
  outcome: null,
  undoCause: null,
  traffic: null,
  stableSide: null,
  workflowId: null,
  runId: null,
  startedAt: null,
  finishedAt: null,
  updatedAt: null,
  events: 0,
  gates: [],
  weights: [],
  pods: [],
  activations: [],
});

/** Runs follow each other in time, events within a run by their sequence: the order of arrival does not matter. */
function inOrder(events: readonly StoredEvent[]): StoredEvent[] {
  const starts = new Map<string, string>();
  for (const { runId, at } of events) {
    const known = starts.get(runId);
    if (known === undefined || at < known) starts.set(runId, at);
  }
  const start = ({ runId }: StoredEvent): string => starts.get(runId) ?? '';
  const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return events.toSorted((a, b) => compare(start(a), start(b)) || compare(a.runId, b.runId) || a.sequence - b.sequence);
}

/** Folds all events of one plan, in any order, into its read model. */
export function project(events: readonly StoredEvent[]): MigrationView {
  const view = emptyView();
  for (const stored of inOrder(events)) {
    view.phase = stored.phase;
    view.workflowId = stored.workflowId;
    view.runId = stored.runId;
    view.startedAt ??= stored.at;
    view.updatedAt = stored.at;
    view.events += 1;
    apply(view, stored.event, stored);
  }
  return view;
}

/** The changes by each event beside the message; null for events that only have a message. */
const CHANGES: {
  [Type in MigrationEvent['type']]:
    ((view: MigrationView, event: Extract<MigrationEvent, { type: Type }>, stored: StoredEvent) => void) | null;
} = {
  PlanAccepted: (view, event) => void (view.author = event.author),
  FactsGathered: (view, event, stored) => {
    view.sourceSCC = event.sourceSCC;
    view.targetSCC = event.targetSCC;
    addPods(view, event.pods, 'before', stored);
    if (event.sourceSCC !== null) activate(view, event.sourceSCC, 'observed', stored);
  },
  RiskScored: (view, { band, changeRisk, exposure }) => void (view.risk = { band, changeRisk, exposure }),
  PlanValidated: (view, { strategy }) => void (view.strategy = strategy?.type ?? null),
  PlanRejected: (view, _event, stored) => {
    finish(view, 'rejected', stored);
  },
  ApprovalRequested: null,
  ApprovalGranted: null,
  ApprovalRefused: null,
  WaitStarted: (view, event) => void (view.waitingFor = event.message),
  WaitEnded: (view) => void (view.waitingFor = null),
  PreparationStarted: (view, { strategy }) => void (view.strategy = strategy ?? view.strategy),
  TargetGranted: null,
  CanaryReady: (view, event, stored) => {
    addPods(view, event.pods, 'canary', stored);
  },
  MirroringStarted: null,
  MirroringEnded: null,
  WeightShifted: (view, { weights, verifiedBy }, { at }) => {
    view.weight = weights.canary;
    view.weights.push({ ...weights, verifiedBy, at });
  },
  GatePassed: (view, event) => {
    addGates(view, event.samples);
  },
  GateFailed: (view, event) => {
    addGates(view, event.samples);
  },
  WorkloadStopped: null,
  OwnersChanged: null,
  WorkloadMigrationStarted: null,
  StableSideSeen: (view, { isSilent, restsOn, message }) => void (view.stableSide = { isSilent, restsOn, message }),
  PodMoved: null,
  WorkloadMigrated: (view, event, stored) => {
    addPods(view, event.pods, 'after', stored);
    if (view.targetSCC !== null) activate(view, view.targetSCC, 'migrated', stored);
  },
  TrafficReturned: (view) => void (view.weight = 0),
  BakeStarted: null,
  CanaryRemoved: null,
  SourceRevoked: null,
  MigrationCompleted: (view, event, stored) => {
    view.traffic = event.traffic;
    finish(view, 'completed', stored);
  },
  DryRunFinished: (view, _event, stored) => {
    finish(view, 'dryRun', stored);
  },
  CommandApplied: null,
  UndoStarted: (view, event) => void (view.undoCause = event.cause),
  UndoStepDone: null,
  UndoStepFailed: null,
  ConflictFound: null,
  UndoFinished: (view, _event, stored) => {
    view.weight = 0;
    const wasMigrated = view.activations.some(({ reason }) => reason === 'migrated');
    if (wasMigrated && view.sourceSCC !== null) activate(view, view.sourceSCC, 'restored', stored);
    finish(view, 'rolledBack', stored);
  },
};

function apply(view: MigrationView, event: MigrationEvent, stored: StoredEvent): void {
  const change = CHANGES[event.type] as
    ((view: MigrationView, event: MigrationEvent, stored: StoredEvent) => void) | null;
  change?.(view, event, stored);
  view.message = headlineOf(event) ?? view.message;
}

function finish(view: MigrationView, outcome: Outcome, { at }: StoredEvent): void {
  view.outcome = outcome;
  view.waitingFor = null;
  view.finishedAt = at;
}

function addPods(view: MigrationView, pods: PodSCC[], role: ProjectedPod['role'], { at }: StoredEvent): void {
  const isOther = (known: ProjectedPod): boolean => known.role !== role || !pods.some(({ uid }) => uid === known.uid);
  view.pods = [...view.pods.filter(isOther), ...pods.map((pod) => ({ ...pod, role, at }))];
}

function addGates(view: MigrationView, samples: GateSample[]): void {
  for (const sample of samples) view.gates.push({ ...sample, weight: view.weight });
}

function activate(
  view: MigrationView,
  scc: string,
  reason: Activation['reason'],
  { workflowId, runId, sequence, at }: StoredEvent,
): void {
  view.activations.push({ key: `${workflowId}/${runId}/${sequence}`, scc, at, reason });
}
