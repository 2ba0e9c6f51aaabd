import type {
  CommandName,
  GateSample,
  PlanRef,
  PlanStatus,
  PodSCC,
  StableSide,
  Step,
  TerminalPhase,
  TrafficSummary,
} from '@scc/plan';
import type { Conflict, Verified } from '@scc/routing';
import type { Carried } from './carried.js';
import type {
  Acceptance,
  ApprovalAnswer,
  Assessment,
  CommandInput,
  ChangedOwners,
  CommandOutcome,
  GoodRun,
  HoldRequest,
  Lasting,
  LiveSettings,
  MigrationOutline,
  MovedPod,
  Projection,
  ProjectionResult,
  KeptReceipt,
  RecordedAfterwards,
  RecordedOutcome,
  RunRequest,
  StepAnswer,
  WebhookRequest,
} from './payloads.js';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

export type * from './payloads.js';
export type * from './campaign-payloads.js';
export { CAMPAIGN_WORKFLOW, campaignWorkflowIdOf } from './campaign-payloads.js';

/** Everything that another process may know of the migration workflow: names, messages and payloads. */

export const TASK_QUEUE = 'scc-migration';
export const MIGRATION_WORKFLOW = 'migrationWorkflow';
export const UNDO_WORKFLOW = 'undoWorkflow';
export const AFTER_WORKFLOW = 'afterWorkflow';

/** The uid makes a recreated plan a new migration; starting the same id twice is the same as once. */
export const workflowIdOf = ({ namespace, name, uid }: PlanRef): string => `scc/${namespace}/${name}/${uid}`;
/** The workflow that looks after a workload once its migration is over. */
export const afterWorkflowIdOf = ({ namespace, name, uid }: PlanRef): string => `scc-after/${namespace}/${name}/${uid}`;
/** The workflow that undoes a migration whose own workflow was terminated or lost. */
export const undoWorkflowIdOf = ({ namespace, name, uid }: PlanRef): string => `scc-undo/${namespace}/${name}/${uid}`;

/** The Web UI sends signals, the CLI and REST clients updates: same names, same effect. */
export const commandSignal = (name: CommandName) => defineSignal<[CommandInput?]>(name);
export const commandUpdate = (name: CommandName) => defineUpdate<CommandOutcome, [CommandInput]>(name);
/**
 * Approvals may have changed: the workflow asks governance again. It is a wake-up and carries no authority. Governance
 * and the Web UI send it by the name `approve`.
 */
export const approvalsChangedSignal = defineSignal<[unknown?]>('approvalsChanged');
export const approveSignal = defineSignal<[unknown?]>('approve');
/** The plan was edited: the workflow reads the new spec and takes over what may change while it runs. */
export const planChangedSignal = defineSignal<[{ generation: number }]>('planChanged');
export const statusQuery = defineQuery<PlanStatus>('status');

export interface MigrationInput {
  ref: PlanRef;
  /** The state that an earlier run of the same migration hands over when its history has grown long. */
  carried?: Carried;
  /** The migration's own workflow has finished: its plan is brought in line with the record, and nothing is undone. */
  finished?: boolean;
}
/** For so long a change is looked after beyond what its grant waits for, in milliseconds. */
export const LOOKED_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
export interface AfterInput {
  /** Where no workflow that knows the target starts it. */
  ref?: PlanRef;
  target?: MigrationOutline;
  /** The state that an earlier run hands over when its history has grown long. */
  carried?: { sinceMs: number | null; endMs: number; revoked: boolean };
}
export interface MigrationResult {
  phase: TerminalPhase;
  message: string;
}

/**
 * The calls of the workflow to the outside. Every activity is idempotent: the same call twice has the effect of one.
 * Failures are terminal when their type is in `TERMINAL_FAILURES`; all others are tried again.
 */
export interface MigrationActivities {
  /** @param first what a plan that is accepted shows at once, but for its generation; absent in earlier versions */
  acceptPlan: (ref: PlanRef, first?: PlanStatus) => Promise<Acceptance>;
  readLiveSettings: (ref: PlanRef) => Promise<LiveSettings | null>;
  assess: (ref: PlanRef) => Promise<Assessment>;
  approvalState: (ref: PlanRef) => Promise<ApprovalAnswer>;
  authorizeStep: (ref: PlanRef, request: { step: Step; contentHash: string; detail: string }) => Promise<StepAnswer>;
  checkCommand: (
    ref: PlanRef,
    request: { command: CommandName; source: 'signal' | 'update'; input: CommandInput },
  ) => Promise<{ allowed: boolean; reason: string; grantedTo?: string | null; receipts?: KeptReceipt[] }>;
  /**
   * Takes the migration over from a run that has ended, to undo it; null when nothing was begun. It fails with `Refused`
   * while the migration runs.
   */
  takeOver: (ref: PlanRef) => Promise<MigrationOutline | null>;
  /** Lets the next run of the workflow go on. */
  handOver: (ref: PlanRef) => Promise<void>;

  /** From here on each activity begins at governance, which hands it the target that was judged. */
  recordPreImages: (target: MigrationOutline) => Promise<void>;

  grantTarget: (target: MigrationOutline) => Promise<{ binding: string; created: boolean }>;
  confirmAdmission: (target: MigrationOutline) => Promise<void>;
  createCanary: (target: MigrationOutline) => Promise<void>;
  awaitCanary: (target: MigrationOutline, timeoutMs: number) => Promise<PodSCC[]>;
  prepareRoutes: (target: MigrationOutline) => Promise<void>;
  setMirror: (
    target: MigrationOutline,
    mirror: { percentage: number; methods: 'Safe' | 'All' } | null,
  ) => Promise<void>;
  /**
   * Weight goes to a side only while that side can serve it. With `unlessDown` a canary that cannot is no failure: the
   * weights then stay as they are.
   */
  setWeights: (target: MigrationOutline, canary: number, options?: { unlessDown: boolean }) => Promise<Verified>;
  hold: (target: MigrationOutline, request: HoldRequest) => Promise<GateSample[]>;
  callWebhooks: (target: MigrationOutline, request: WebhookRequest) => Promise<GateSample[]>;
  /**
   * Changes the template. A canary's workload is seen to get no requests first: what that rests on is the answer.
   * @param begunMs when this step was begun, in milliseconds since the epoch; absent: nothing is waited for
   * @param ledForMs how long every proxy has led everything to the canary already; absent where none was asked
   */
  migrateWorkload: (target: MigrationOutline, begunMs?: number, ledForMs?: number) => Promise<StableSide | undefined>;
  awaitWorkload: (target: MigrationOutline, timeoutMs: number) => Promise<PodSCC[]>;
  /** Stops all pods of a workload, so that nothing uses its data, and waits until they are gone. */
  stopWorkload: (target: MigrationOutline) => Promise<void>;
  /** Gives the files of a stopped workload to the user of the migrated pods; what was changed is noted on it before. */
  changeOwners: (target: MigrationOutline) => Promise<ChangedOwners>;
  /** Takes the marks of that away, once nothing is taken back any more. */
  forgetOwners: (target: MigrationOutline) => Promise<void>;
  /** Stops the workload again and gives the files back, as far as owners were changed. */
  restoreOwners: (target: MigrationOutline) => Promise<void>;
  /**
   * Lets the pod at an index below `replicas` move, once its disruption budgets allow that; of a DaemonSet the next pod,
   * after which no more than `index` are left.
   */
  moveOrdinal: (target: MigrationOutline, index: number) => Promise<void>;
  /**
   * Waits until the pod at an index, and every pod above it, is ready under the target and shows no trouble.
   * @returns the pods that moved by this step; none when the workload has become smaller than that
   */
  awaitOrdinal: (target: MigrationOutline, index: number, timeoutMs: number) => Promise<MovedPod[]>;
  /**
   * Runs a CronJob once now, by a Job of the changed template, and judges that run as `awaitRun` does.
   * @param untilMs milliseconds since the epoch by which it must have ended
   */
  runTrial: (target: MigrationOutline, untilMs: number) => Promise<GoodRun>;
  /**
   * Waits for the next run of a CronJob, and judges it by its SCC, its exit code and permission errors in its log. Where
   * none begins in time, a trial run that was good is its answer. Of a workload without pods it waits for its first
   * ones. Where none can begin by itself and none did, no pod is its answer.
   */
  awaitRun: (target: MigrationOutline, request: RunRequest) => Promise<GoodRun>;
  awaitStable: (target: MigrationOutline) => Promise<void>;
  /** @param ledForMs how long every proxy has led everything to the workload already; absent where none was asked */
  removeCanary: (target: MigrationOutline, ledForMs?: number) => Promise<void>;
  revokeSource: (
    target: MigrationOutline,
    mode: 'Revoke' | 'Keep',
  ) => Promise<{ bindings: string[]; kept: string | null }>;
  /**
   * @param sinceMs when the migration began, in milliseconds since the epoch
   * @param liveMs when the canary was about to get its first live request; what it got before were copies
   */
  summarizeTraffic: (target: MigrationOutline, sinceMs: number, liveMs?: number) => Promise<TrafficSummary | null>;

  restoreWorkload: (target: MigrationOutline) => Promise<Conflict[]>;
  restoreRoutes: (target: MigrationOutline) => Promise<Conflict[]>;
  /** Gives back what this migration took from the old grants, and nothing else. */
  restoreSourceGrant: (target: MigrationOutline) => Promise<void>;
  /** Takes away the grant that this migration made, and nothing else. */
  withdrawTargetGrant: (target: MigrationOutline) => Promise<void>;
  compareWithPreImages: (target: MigrationOutline) => Promise<string[]>;

  /**
   * The work that governance's record leaves once a migration has completed; null where it leaves none. It tells what an
   * earlier workflow of the same name has done, also when Temporal has forgotten it.
   */
  recordedAfterwards: (ref: PlanRef) => Promise<RecordedAfterwards | null>;
  /** Looks whether the change lasts, and says in the plan's status when it does not, and who took it back. */
  lookAfter: (ref: PlanRef) => Promise<Lasting>;
  /** Revokes the source grant when the change has lasted, and says so in the plan's status. */
  revokeLater: (target: MigrationOutline) => Promise<{ bindings: string[]; kept: string | null }>;

  project: (ref: PlanRef, projection: Projection) => Promise<ProjectionResult>;
  /**
   * The end of the migration as governance has recorded it. It fails with `Refused` when the uid belongs to another
   * plan than the one that is named.
   */
  recordedOutcome: (ref: PlanRef) => Promise<RecordedOutcome>;
  /**
   * Brings the status of a plan in line with the recorded end of its migration and releases the plan. Without an end it
   * only releases a plan that is being deleted.
   */
  settlePlan: (ref: PlanRef) => Promise<void>;
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
/**
 * A fault that has lasted: the activity is no longer tried again by Temporal, the workflow says so and tries it again.
 */
export const WEATHER = 'Weather';
/** How often Temporal tries a step before the workflow says that it does not succeed. */
export const TRIES = 6;
