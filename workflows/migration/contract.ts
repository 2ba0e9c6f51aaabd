import type {
  CommandName,
  MigrationEvent,
  PlanRef,
  PlanSpec,
  PlanStatus,
  PodSCC,
  RecordedEvent,
  RiskBand,
  Step,
  TerminalPhase,
  GateSample,
  TrafficSummary,
  Violation,
} from '@scc/plan';
import type { Conflict, LabelSwitch, ServicePair } from '@scc/routing';
import type { MigrationState } from './state.js';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

/** Everything that another process may know of the migration workflow: names, messages and payloads. */

export const TASK_QUEUE = 'scc-migration';
export const MIGRATION_WORKFLOW = 'migrationWorkflow';
export const UNDO_WORKFLOW = 'undoWorkflow';

/** The uid makes a recreated plan a new migration; starting the same id twice is the same as once. */
export const workflowIdOf = ({ namespace, name, uid }: PlanRef): string => `scc/${namespace}/${name}/${uid}`;
/** The workflow that undoes a migration whose own workflow was terminated or lost. */
export const undoWorkflowIdOf = ({ namespace, name, uid }: PlanRef): string => `scc-undo/${namespace}/${name}/${uid}`;

/**
 * What an operator sends with a command. None of it carries authority: governance decides, by the token it issued to a
 * caller it knows, or by its policy for callers it does not know.
 */
export interface CommandInput {
  actor?: string;
  reason?: string;
  token?: string;
}

/** The Web UI sends signals, the CLI and REST clients updates: same names, same effect. */
export const commandSignal = (name: CommandName) => defineSignal<[CommandInput?]>(name);
export const commandUpdate = (name: CommandName) => defineUpdate<CommandOutcome, [CommandInput]>(name);
/**
 * Approvals may have changed: the workflow asks governance again. It is a wake-up and carries no authority. Governance
 * and the Web UI send it by the name `approve`.
 */
export const approvalsChangedSignal = defineSignal<[unknown?]>('approvalsChanged');
export const approveSignal = defineSignal<[unknown?]>('approve');
export interface CommandOutcome {
  applied: boolean;
  reason: string;
}
/** The plan was edited: the workflow reads the new spec and takes over what may change while it runs. */
export const planChangedSignal = defineSignal<[{ generation: number }]>('planChanged');
export const statusQuery = defineQuery<PlanStatus>('status');

export interface MigrationInput {
  ref: PlanRef;
  /** What an earlier run of the same migration hands over when its history has grown long. */
  carried?: Carried;
}
export interface MigrationResult {
  phase: TerminalPhase;
  message: string;
}

/** Everything that one run hands over to the next: plain data. */
export interface Carried {
  position: Position;
  journal: JournalState;
  operator: OperatorState;
}

/** How a change is taken back; `run` of the same name in `undo.ts` does it. */
export type UndoEntry =
  | {
      step: 'verification' | 'targetGrant' | 'canary' | 'routes' | 'workload' | 'sourceGrant';
      args: Record<string, never>;
    }
  | { step: 'traffic'; args: { canary: number } };

/**
 * Where a migration stands, as plain data: what was decided, which steps are done, how to take them back (last change
 * first).
 */
export interface Position {
  ref: PlanRef;
  plan: AcceptedPlan | null;
  target: MigrationTarget | null;
  contentHash: string | null;
  images: StoredImage[];
  done: string[];
  undos: UndoEntry[];
  /** The event that opened the undo, once there is one. */
  undoing: Extract<MigrationEvent, { type: 'UndoStarted' }> | null;
  /** Milliseconds since the epoch at which the first change was made. */
  startedMs: number;
  /** Milliseconds since the epoch at which the hold under way began; null outside a hold. */
  heldSinceMs: number | null;
}

/** The state that the events so far lead to, and the events that governance does not have yet. */
export interface JournalState {
  state: MigrationState;
  unreported: RecordedEvent[];
  checkpoint: string | null;
}

/** What operators have asked of the migration, and the settings of the plan that may change meanwhile. */
export interface OperatorState {
  paused: boolean;
  settings: LiveSettings | null;
  /** Commands that came as signals and are not looked at yet, each name once. */
  asked: [CommandName, CommandInput][];
  /** The newest generation of the plan that was heard of. */
  editedGeneration: number;
}

/** What of a plan may change while it runs. */
export interface LiveSettings {
  generation: number;
  suspended: boolean;
  intervalMs: number;
  /** The gates as the plan states them; the activities interpret them. */
  gates: PlanSpec['gates'];
}

/** The plan as the workflow needs it: parsed, defaulted, durations in milliseconds. */
export interface AcceptedPlan {
  generation: number;
  author: string | null;
  /** Everybody else who edited what the plan would do, as admission saw it. */
  editors: string[];
  spec: PlanSpec;
  live: LiveSettings;
  mirror: { percentage: number; durationMs: number; methods: 'Safe' | 'All' };
  weights: number[];
  readinessTimeoutMs: number;
  dryRun: boolean;
  /** Milliseconds since the epoch before which nothing is touched, or null. */
  notBeforeMs: number | null;
}

export type Acceptance =
  { accepted: true; plan: AcceptedPlan } | { accepted: false; violations: Violation[]; generation: number };

/** Everything later steps need to know about what is migrated; decided once, while validating. */
export interface MigrationTarget {
  ref: PlanRef;
  kind: 'Deployment';
  workload: string;
  workloadUid: string;
  canary: string;
  /** Replicas of the canary: what the workload had, so that it can carry all of the traffic. */
  replicas: number;
  sourceSCC: string | null;
  targetSCC: string;
  sourceServiceAccount: string;
  targetServiceAccount: string;
  /** The one label key by which canary pods differ from stable pods, with both values. */
  label: LabelSwitch;
  services: ServicePair[];
  /** The pod template before and after, as the API server holds it. */
  templateBefore: Record<string, unknown>;
  templateAfter: Record<string, unknown>;
  /** Objects (apiVersion/kind/name) that are copied for the canary. */
  policies: string[];
  /** Autoscalers of the workload with the minimum that their user set; null when none was set. */
  autoscalers: { key: string; minReplicas: number | null }[];
  /** The routes as they were surveyed: the router's own, opaque here. */
  survey: unknown;
  drainMs: number;
}

export interface FactsSummary {
  sourceSCC: string | null;
  pods: PodSCC[];
  services: string[];
}

/**
 * That an entry of the audit log was written. The workflow does nothing with it: as part of an activity's result it is in
 * Temporal's history, where neither governance nor its database can take it back.
 */
export interface Receipt {
  entryId: string;
  leafHash: string;
  index: number | null;
}

export interface GovernanceSummary {
  verdict: 'allow' | 'deny' | 'requireApproval' | 'wait';
  contentHash: string;
  violations: Violation[];
  approvals: { role: string; count: number }[];
  waitUntilMs: number | null;
  risk: {
    assessmentId: string;
    band: RiskBand;
    changeRisk: number;
    exposure: number;
    words: string;
  };
  checkpoint: string | null;
  receipts?: Receipt[];
}

export type Assessment =
  | { ok: false; facts: FactsSummary; violations: Violation[] }
  | {
      ok: true;
      facts: FactsSummary;
      target: MigrationTarget;
      governance: GovernanceSummary;
      /** The change of the pod template as YAML, and what it cannot know. */
      patch: string;
      warnings: string[];
    };

/** One turn of the two projections: the plan's status (with Kubernetes Events) and governance's record. */
export interface Projection {
  status: PlanStatus;
  /** Events since the last status, for `kubectl describe`. */
  events: MigrationEvent[];
  /** Null while it is not known which workload it is. */
  workload: { kind: string; name: string; uid: string } | null;
  /** Events that governance does not have yet, in order. */
  unreported: RecordedEvent[];
}

export interface ProjectionResult {
  /** Whether governance has the events now, or why it will never take them. The status is written in any case. */
  reported: 'yes' | 'unreachable' | { refused: string };
  checkpoint: string | null;
  receipts?: Receipt[];
}

/** How a migration ended, as governance has recorded it. */
export interface RecordedEnd {
  phase: TerminalPhase;
  message: string;
  at: string;
}
/** `known` is false when governance never heard of the migration: then it has allowed no change either. */
export type RecordedOutcome = { known: true; end: RecordedEnd | null } | { known: false; end: null };

export interface StoredImage {
  key: string;
  manifest: Record<string, unknown> | null;
}

export type ApprovalAnswer =
  { status: 'granted'; by: string[] } | { status: 'pending'; message: string } | { status: 'refused'; message: string };

export interface StepAnswer {
  allowed: boolean;
  reason: string;
  retryAtMs: number | null;
  /** With `retryAtMs`: what the step waits for. */
  waitsFor?: 'Window' | 'OtherPlan' | 'Rights';
  checkpoint: string | null;
  receipts?: Receipt[];
}

export interface HoldRequest {
  target: MigrationTarget;
  /** How long to hold, in milliseconds. 0 takes the samples that exist and goes on. */
  durationMs: number;
  gates: PlanSpec['gates'];
  /** The stretch of traffic that the gates look at begins here (milliseconds since the epoch). */
  sinceMs: number;
  weight: number;
}

export interface WebhookRequest {
  target: MigrationTarget;
  at: PlanSpec['gates']['webhooks'][number]['at'];
  gates: PlanSpec['gates'];
  weight: number;
}

/**
 * What the workflow asks of the world. Every activity is idempotent: the same call twice has the effect of one.
 * Failures are terminal when their type is in `TERMINAL_FAILURES`; all others are tried again.
 */
export interface MigrationActivities {
  acceptPlan: (ref: PlanRef) => Promise<Acceptance>;
  readLiveSettings: (ref: PlanRef) => Promise<LiveSettings | null>;
  assess: (ref: PlanRef, plan: AcceptedPlan) => Promise<Assessment>;
  approvalState: (ref: PlanRef) => Promise<ApprovalAnswer>;
  authorizeStep: (ref: PlanRef, request: { step: Step; contentHash: string; detail: string }) => Promise<StepAnswer>;
  checkCommand: (
    ref: PlanRef,
    request: { command: CommandName; source: 'signal' | 'update'; input: CommandInput },
  ) => Promise<{ allowed: boolean; reason: string; receipts?: Receipt[] }>;
  recordPreImages: (target: MigrationTarget) => Promise<StoredImage[]>;
  loadPreImages: (ref: PlanRef) => Promise<{ target: MigrationTarget; images: StoredImage[] } | null>;

  grantTarget: (target: MigrationTarget) => Promise<{ binding: string; created: boolean }>;
  confirmAdmission: (target: MigrationTarget) => Promise<void>;
  createCanary: (target: MigrationTarget) => Promise<void>;
  awaitCanary: (target: MigrationTarget, timeoutMs: number) => Promise<PodSCC[]>;
  prepareRoutes: (target: MigrationTarget) => Promise<void>;
  setMirror: (target: MigrationTarget, mirror: { percentage: number; methods: 'Safe' | 'All' } | null) => Promise<void>;
  /**
   * Weight goes to a side only while that side can serve it. With `unlessDown` a canary that cannot is no failure: the
   * weights then stay as they are.
   */
  setWeights: (
    target: MigrationTarget,
    canary: number,
    options?: { unlessDown: boolean },
  ) => Promise<{ verifiedBy: 'proxies' | 'bound' }>;
  hold: (request: HoldRequest) => Promise<GateSample[]>;
  callWebhooks: (request: WebhookRequest) => Promise<GateSample[]>;
  migrateWorkload: (target: MigrationTarget) => Promise<void>;
  awaitWorkload: (target: MigrationTarget, timeoutMs: number) => Promise<PodSCC[]>;
  awaitStable: (target: MigrationTarget) => Promise<void>;
  removeCanary: (target: MigrationTarget) => Promise<void>;
  revokeSource: (
    target: MigrationTarget,
    mode: 'Revoke' | 'Keep',
  ) => Promise<{ bindings: string[]; kept: string | null }>;
  summarizeTraffic: (target: MigrationTarget, sinceMs: number) => Promise<TrafficSummary | null>;

  restoreWorkload: (target: MigrationTarget, images: StoredImage[]) => Promise<Conflict[]>;
  restoreRoutes: (target: MigrationTarget, images: StoredImage[]) => Promise<Conflict[]>;
  /** Gives back what this migration took from the old grants, and nothing else. */
  restoreSourceGrant: (target: MigrationTarget) => Promise<void>;
  /** Takes away the grant that this migration made, and nothing else. */
  withdrawTargetGrant: (target: MigrationTarget) => Promise<void>;
  compareWithPreImages: (target: MigrationTarget, images: StoredImage[]) => Promise<string[]>;

  project: (ref: PlanRef, projection: Projection) => Promise<ProjectionResult>;
  /**
   * What governance has recorded of the migration's end. It fails with `Refused` when the uid belongs to another plan
   * than the one that is named.
   */
  recordedOutcome: (ref: PlanRef) => Promise<RecordedOutcome>;
  /**
   * Brings the status of a plan in line with the recorded end of its migration and releases the plan. Without an end it
   * only releases a plan that is being deleted.
   */
  settlePlan: (ref: PlanRef, end: RecordedEnd | null) => Promise<void>;
  releasePlan: (ref: PlanRef) => Promise<void>;
}

/** Failures that trying again cannot mend; the type of an `ApplicationFailure` decides. */
export const FAILURE = {
  gate: 'GateFailed',
  readiness: 'NotReady',
  admission: 'AdmissionRefused',
  rollout: 'RolloutFailed',
  drift: 'WorkloadChanged',
  notAllowed: 'StepNotAllowed',
  /** An API answered that it will not do what was asked; its sentence is the message. */
  refused: 'Refused',
  planGone: 'PlanGone',
} as const;
export const TERMINAL_FAILURES: string[] = Object.values(FAILURE);
/** A fault that has lasted: the activity is no longer tried again by Temporal, the workflow says so and tries it again. */
export const WEATHER = 'Weather';
