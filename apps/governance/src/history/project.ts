import type { GateSample, MigrationEvent, PodSCC, RecordedEvent, TrafficSummary } from '@scc/plan';
import type { Activation } from '../registry/activations.js';

/** Where an event stands among all events of one plan. */
export interface StoredEvent extends RecordedEvent {
  workflowId: string;
  runId: string;
}

type Outcome = 'completed' | 'rolledBack' | 'rejected' | 'dryRun';

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
  weight: number;
  waitingFor: string | null;
  outcome: Outcome | null;
  undoCause: string | null;
  traffic: TrafficSummary | null;
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
  weight: 0,
  waitingFor: null,
  outcome: null,
  undoCause: null,
  traffic: null,
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

/** What each event changes; the type of the table makes it complete. */
const CHANGES: {
  [Type in MigrationEvent['type']]: (
    view: MigrationView,
    event: Extract<MigrationEvent, { type: Type }>,
    stored: StoredEvent,
  ) => void;
} = {
  PlanAccepted: (view, event) => {
    view.author = event.author;
    view.message = 'gathering facts and checking the plan';
  },
  FactsGathered: (view, event, stored) => {
    view.sourceSCC = event.sourceSCC;
    view.targetSCC = event.targetSCC;
    addPods(view, event.pods, 'before', stored);
    if (event.sourceSCC !== null) activate(view, event.sourceSCC, 'observed', stored);
  },
  RiskScored: (view, { band, changeRisk, exposure }) => void (view.risk = { band, changeRisk, exposure }),
  PlanValidated: (view) => void (view.message = 'every check passed'),
  PlanRejected: (view, event, stored) => {
    finish(view, 'rejected', stored);
    view.message = event.violations.map(({ message }) => message).join('; ');
  },
  ApprovalRequested: (view, event) =>
    void (view.message = `needs ${event.roles.map(({ role, count }) => `${count} × ${role}`).join(', ')}`),
  ApprovalGranted: (view, event) => void (view.message = `approved by ${event.by.join(', ') || 'policy'}`),
  ApprovalRefused: (view, event) => void (view.message = event.reason),
  WaitStarted: (view, event) => void (view.waitingFor = event.message),
  WaitEnded: (view) => void (view.waitingFor = null),
  PreparationStarted: (view) => void (view.message = 'preparing the canary'),
  TargetGranted: (view, event) => void (view.message = `granted by ${event.binding}`),
  CanaryReady: (view, event, stored) => {
    addPods(view, event.pods, 'canary', stored);
    view.message = `${event.canary} is ready`;
  },
  MirroringStarted: (view, event) => void (view.message = `mirroring ${event.percentage} %`),
  MirroringEnded: (view) => void (view.message = 'mirroring is over'),
  WeightShifted: (view, { weights, verifiedBy }, { at }) => {
    view.weight = weights.canary;
    view.weights.push({ ...weights, verifiedBy, at });
    view.message = `${weights.canary} % on the canary`;
  },
  GatePassed: (view, event) => addGates(view, event.samples),
  GateFailed: (view, event) => addGates(view, event.samples),
  WorkloadMigrationStarted: (view) => void (view.message = 'migrating the workload itself'),
  WorkloadMigrated: (view, event, stored) => {
    addPods(view, event.pods, 'after', stored);
    view.message = 'every pod runs under the target';
    if (view.targetSCC !== null) activate(view, view.targetSCC, 'migrated', stored);
  },
  TrafficReturned: (view) => {
    view.weight = 0;
    view.message = 'the migrated workload serves everything';
  },
  CanaryRemoved: (view) => void (view.message = 'the canary is gone'),
  SourceRevoked: (view, event) => void (view.message = event.kept ?? 'the old grant is revoked'),
  MigrationCompleted: (view, event, stored) => {
    view.traffic = event.traffic;
    view.message = `runs under ${view.targetSCC ?? 'the target'}`;
    finish(view, 'completed', stored);
  },
  DryRunFinished: (view, event, stored) => {
    view.message = event.message;
    finish(view, 'dryRun', stored);
  },
  CommandApplied: (view, event) =>
    void (view.message = `${event.command}${event.actor === null ? '' : ` by ${event.actor}`}`),
  UndoStarted: (view, event) => {
    view.undoCause = event.cause;
    view.message = event.message;
  },
  UndoStepDone: (view, event) => void (view.message = `${event.step} is undone`),
  UndoStepFailed: (view, event) => void (view.message = event.message),
  ConflictFound: (view, event) => void (view.message = `${event.manager} changed ${event.object} meanwhile`),
  UndoFinished: (view, event, stored) => {
    view.weight = 0;
    view.message =
      event.differences.length > 0 ? `differs: ${event.differences.join(', ')}` : 'everything is as before';
    const wasMigrated = view.activations.some(({ reason }) => reason === 'migrated');
    if (wasMigrated && view.sourceSCC !== null) activate(view, view.sourceSCC, 'restored', stored);
    finish(view, 'rolledBack', stored);
  },
};

function apply(view: MigrationView, event: MigrationEvent, stored: StoredEvent): void {
  const change = CHANGES[event.type] as (view: MigrationView, event: MigrationEvent, stored: StoredEvent) => void;
  change(view, event, stored);
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
