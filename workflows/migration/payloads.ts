import type {
  ChosenStrategy,
  GateSample,
  MigratedKind,
  MigrationEvent,
  PlanRef,
  PlanSpec,
  PlanStatus,
  PolicyVerdictSaid,
  PodSCC,
  RecordedEvent,
  RiskBand,
  Strategy,
  TerminalPhase,
  Violation,
  WayIn,
} from '@scc/plan';
import type { LabelSwitch, ServicePair } from '@scc/routing';

/** Arguments and results of the commands and activities of a migration. */

/**
 * The arguments of an operator's command. None of them carries authority: governance decides, by the token it issued to
 * a caller it knows, or by its policy for callers it does not know.
 */
export interface CommandInput {
  actor?: string;
  reason?: string;
  token?: string;
}

export interface CommandOutcome {
  applied: boolean;
  reason: string;
}

/** The settings of a plan that may change while it runs. */
export interface LiveSettings {
  generation: number;
  suspended: boolean;
  intervalMs: number;
  /** The gates as the plan states them; the activities interpret them. */
  gates: PlanSpec['gates'];
}

/**
 * The plan as the workflow needs it: parsed, defaulted, durations in milliseconds, and nothing of what it would put into
 * the workload's template.
 */
export interface AcceptedPlan {
  generation: number;
  author: string | null;
  workload: string;
  targetSCC: string;
  approvalRequired: boolean;
  /** Whether a failed step waits for an operator. */
  onFailure: PlanSpec['rollback']['onFailure'];
  sourceGrant: PlanSpec['grants']['source'];
  live: LiveSettings;
  mirror: { percentage: number; durationMs: number; methods: 'Safe' | 'All' };
  weights: number[];
  readinessTimeoutMs: number;
  /** How long the migrated workload is watched before the migration ends; absent: not at all. */
  bakeMs?: number;
  /** How long a canary alone is watched before everything is taken back; absent: the plan is no trial. */
  trialMs?: number;
  /**
   * Of a CronJob: whether it runs once before its template changes, and how long its next run is waited for; of a
   * workload without pods how long its first ones are.
   */
  run?: { trial: boolean; waitMs: number };
  /** When data is looked at: before the pods move or are stopped, or before a canary starts; absent: it is not. */
  census?: true | 'BeforeCanary';
  dryRun: boolean;
  /** Milliseconds since the epoch before which nothing is touched, or null. */
  notBeforeMs: number | null;
}

export type Acceptance =
  | { accepted: true; plan: AcceptedPlan }
  | { accepted: false; violations: Violation[]; generation: number }
  /** Governance has recorded how this very migration ended; the plan is in line with that. */
  | { accepted: false; over: RecordedEnd }
  /** Governance has recorded that an earlier workflow began to change the cluster. */
  | { accepted: false; unfinished: true };

/** A pod that moved by itself and runs under the target by now, and how many do. */
export interface MovedPod {
  pod: PodSCC;
  /** Of a StatefulSet's pod its ordinal; of any other how many are left to move after it. */
  ordinal: number;
  /** Of a DaemonSet's pod. */
  node?: string;
  moved: number;
  total: number;
}

/** A run of a CronJob, or the first pods of a workload that had none, judged and good. */
export interface GoodRun {
  /** Its Job; absent of a workload that is no CronJob, and where nothing has run. */
  job?: string;
  /** Empty where nothing has run and nothing was to be expected: it is suspended, or has no pods still. */
  pods: PodSCC[];
  samples: GateSample[];
}

/** Which run of a CronJob, or which first pods, are waited for, and for how long. Times are milliseconds since the epoch. */
export interface RunRequest {
  /** Runs that began before count for nothing; null: those from the change of the template on. */
  sinceMs: number | null;
  untilMs: number;
  /** How long the first pods may take to be ready once they are wanted, in milliseconds. */
  readyMs?: number;
}

/**
 * What the workflow knows of what is migrated: names and numbers for people, and the address by which an activity loads
 * the rest. No template and no object is part of it: everybody who may read Temporal reads it.
 */
export interface MigrationOutline {
  ref: PlanRef;
  kind: MigratedKind;
  /** How it is moved; outlines of earlier versions are of a canary. */
  strategy?: Strategy;
  workload: string;
  workloadUid: string;
  canary: string;
  replicas: number;
  sourceSCC: string | null;
  targetSCC: string;
  services: string[];
  /** SHA-256 of the whole target: an activity works on this one or on none. */
  targetHash: string;
  /** Whether it is carried on or taken back. */
  way: 'forward' | 'back';
  /** All of its pods are stopped while the owners of its data change. */
  stopped?: true;
  after?: Afterwards;
}

/** The work once the migration is over; absent where there is none. */
export interface Afterwards {
  /** How long the change must have lasted before the source grant is revoked, in milliseconds; null where it stays. */
  revokeMs: number | null;
}

/** What governance has recorded of the time after a migration that has completed. */
export interface RecordedAfterwards {
  target: MigrationOutline;
  /** When the migration ended, in milliseconds since the epoch. */
  endedMs: number;
  /** The source grant was revoked later, or was found to be needed. */
  revoked: boolean;
}

/** Whether the change of a workload lasts: `over` when nothing is left to look after. */
export type Lasting = 'lasting' | 'drifted' | 'over';

/** Everything that activities need to know about what is migrated; decided once, while validating, and kept by governance. */
export interface MigrationTarget {
  ref: PlanRef;
  kind: MigratedKind;
  /** How it is moved; targets of earlier versions are moved by a canary. */
  strategy?: Strategy;
  workload: string;
  workloadUid: string;
  canary: string;
  /** Replicas of the canary: what the workload had, so that it can carry all of the traffic. */
  replicas: number;
  /** As the plan says; targets of earlier versions are `Full`. */
  canaryReplicas?: PlanSpec['canary']['replicas'];
  sourceSCC: string | null;
  targetSCC: string;
  sourceServiceAccount: string;
  targetServiceAccount: string;
  /** The one label key by which canary pods differ from stable pods, with both values; empty without a canary. */
  label: LabelSwitch;
  services: ServicePair[];
  /** The pod template before and after, as the API server holds it. */
  templateBefore: Record<string, unknown>;
  templateAfter: Record<string, unknown>;
  /** Objects (apiVersion/kind/name) that are copied for the canary. */
  policies: string[];
  /** Autoscalers of the workload with the minimum that their user set; null when none was set. */
  autoscalers: { key: string; minReplicas: number | null }[];
  /** Names of a StatefulSet's volumeClaimTemplates; absent from any other target. */
  claimTemplates?: string[];
  /** How a DaemonSet's user wants its pods replaced; absent from any other target. */
  updateStrategy?: Record<string, unknown>;
  /** How a Deployment's user wants its pods replaced, and how they are while one is judged; absent from any other target. */
  pace?: { own: Record<string, unknown>; held: Record<string, unknown> };
  /** How long the first pods of a workload that had none may take to be ready, in milliseconds. */
  readyMs?: number;
  /** It is being undone. Set for the one activity that works on it; never kept. */
  isUndo?: boolean;
  /** The routes as they were surveyed: the router's own, opaque here. */
  survey: unknown;
  drainMs: number;
  after?: Afterwards;
  /** Gates that run Jobs: those whose makers' rights were asked for. */
  jobs?: PlanSpec['gates']['jobs'];
  /** What a Job finds out of the workload's data before its pods move. */
  census?: CensusTask;
  /** The files that change their owner while its pods are stopped. */
  owners?: OwnersTask;
  /** Snapshots are taken of the claims of each pod before it moves. */
  snapshot?: { className?: string | undefined };
}

/** A look at the files of volumes: whether the migrated pods may use them as their owners may. */
export interface CensusTask {
  /** Names of claims, or of the templates that they are made from. */
  volumes: string[];
  /** Names of volumes that are folders of each pod's node; absent where there are none. */
  hostPaths?: string[];
  /** The user of the migrated pods; null where it is not one and the same. */
  uid: number | null;
  /** Groups of the migrated pods. */
  groups: number[];
  /** Who may be let use the files as well; null where they are only looked at. */
  group: number | null;
  /** The user is that of pods that serve, whose groups a canary beside them takes the files from. */
  isServing?: true;
}

/** A change of owners: files of one user are given to another. */
export interface OwnersTask {
  /** Names of the templates that the claims are made from. */
  volumes: string[];
  from: number;
  to: number;
  /** Groups of the migrated pods. */
  groups: number[];
}

/** The files of a workload that changed their owner. */
export type ChangedOwners = Pick<OwnersTask, 'from' | 'to'> & { claims: string[]; files: number };

export interface FactsSummary {
  sourceSCC: string | null;
  pods: PodSCC[];
  services: string[];
  /** Every way in; absent from workers that do not look for them. */
  ways?: WayIn[];
}

/**
 * That an entry of the audit log was written. The workflow does nothing with it: as part of an activity's result it is
 * in Temporal's history, where neither governance nor its database can take it back.
 */
export interface KeptReceipt {
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
  /** The rights that the plan uses in the name of those who wrote it, and who of them holds each. */
  rights?: { right: string; heldBy: string[] }[];
  checkpoint: string | null;
  receipts?: KeptReceipt[];
}

export type Assessment =
  | { ok: false; facts: FactsSummary; violations: Violation[] }
  | {
      ok: true;
      facts: FactsSummary;
      /** The plan as it was judged. */
      plan: AcceptedPlan;
      target: MigrationOutline;
      governance: GovernanceSummary;
      /** The change of the pod template as YAML, with hashes for values that are nobody else's business. */
      patch: string;
      /** Where a tool delivers the workload: the patch for its source. */
      kustomizePatch?: string;
      /** Absent from workers that know the canary alone. */
      strategy?: ChosenStrategy;
      warnings: string[];
      /** The words of policies that did not stop the plan; absent where there were none. */
      verdicts?: PolicyVerdictSaid[];
    };

/** One turn of the two projections: the plan's status (with Kubernetes Events) and governance's record. */
export interface Projection {
  status: PlanStatus;
  /** Events since the last status, for `kubectl describe`. */
  events: MigrationEvent[];
  /** Null while it is not known which workload it is. */
  workload: { kind: MigratedKind; name: string; uid: string } | null;
  /** Events that governance does not have yet, in order. */
  unreported: RecordedEvent[];
}

export interface ProjectionResult {
  /** Whether governance has the events now, or why it will never take them. The status is written without it. */
  reported: 'yes' | 'unreachable' | { refused: string };
  checkpoint: string | null;
  /** The sequence of the plan's status when that is newer and not final: this one was not written. */
  overtaken?: number;
  receipts?: KeptReceipt[];
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
  waitsFor?: 'Window' | 'OtherPlan' | 'Rights' | 'Stopped' | 'Reapproval' | 'Evaluation';
  checkpoint: string | null;
  receipts?: KeptReceipt[];
}

export interface HoldRequest {
  /** How long to hold, in milliseconds. 0 takes the samples that exist and goes on. */
  durationMs: number;
  gates: PlanSpec['gates'];
  /** The stretch of traffic that the gates look at begins here (milliseconds since the epoch). */
  sinceMs: number;
  weight: number;
  /** The gates judge what the migrated workload answered since then instead: the canary gets no more requests. */
  workloadSinceMs?: number;
  /** Where pods move one by one, the index of the last one: how they are moved must stay as the migration has set it. */
  partition?: number;
}

export interface WebhookRequest {
  /** The moment of gates, or one at which data alone is looked at. */
  at: PlanSpec['gates']['webhooks'][number]['at'] | 'BeforeCanary';
  gates: PlanSpec['gates'];
  weight: number;
}
