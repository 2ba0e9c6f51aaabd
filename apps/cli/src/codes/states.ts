import type { Phase, UndoCause, WaitReason } from '@scc/plan';
import type { CodeText, CodeTexts } from './text.js';

/** The phases that need an explanation. */
export const PHASE_TEXTS = {
  Rejected: {
    cause: 'the plan was refused before anything was touched',
    remedy: 'do what the remedy of each violation says (`sccctl explain CODE`), then apply a new plan',
  },
  RollingBack: {
    cause: 'everything that the migration changed is being restored from what was recorded before',
    remedy: 'wait; `sccctl logs NAME` says why it began and what is done',
  },
  RolledBack: {
    cause: 'the migration was undone',
    remedy: 'remove the cause that the message names, then apply a new plan under another name',
  },
  Failed: {
    cause: 'an undo does not finish; it is tried again without end',
    remedy:
      'remove the cause that the message names, the undo then goes on by itself; `sccctl release NAME` ends it with what fails left undone',
  },
} satisfies Partial<Record<Phase, CodeText>>;

/** Why a migration waits. */
export const WAITS: Record<WaitReason, CodeText> = {
  Approval: {
    cause: 'the plan needs an approval by someone other than its author',
    remedy: 'look with `sccctl approvals show NAME`, then decide with `sccctl approve NAME` or `sccctl refuse NAME`',
  },
  Window: {
    cause: 'the time is outside the windows of the plan, or a freeze is in force',
    remedy:
      'wait until the time that the message names, or have a window or freeze of governance changed (`GET /v1/calendar`)',
  },
  OtherPlan: {
    cause: 'another plan migrates the same workload',
    remedy: 'wait until that plan is over, or delete it',
  },
  Rights: {
    cause: 'the author of the plan lost a right that the plan uses',
    remedy: 'have the right granted again within an hour; a migration that has begun is undone after that',
  },
  Stopped: {
    cause: 'an emergency stop is in force',
    remedy: 'see it with `sccctl stop list`; `sccctl stop lift NUMBER --reason TEXT` ends it',
  },
  Reapproval: {
    cause: 'an edit of the running plan lets more pass than was approved, or its target SCC permits more by now',
    remedy: 'approve it with `sccctl approve NAME`, or take the edit back',
  },
  Paused: { cause: 'an operator paused the migration', remedy: 'go on with `sccctl resume NAME`' },
  Suspended: { cause: 'the plan says `suspend: true`', remedy: 'set `spec.suspend` to false' },
  AfterFailure: {
    cause: 'a step failed, and the plan says `rollback.onFailure: Pause`',
    remedy: 'remove the cause and go on with `sccctl resume NAME`, or undo with `sccctl rollback NAME`',
  },
  Governance: {
    cause: 'governance does not answer, and no step goes on without it',
    remedy: 'look at the pods, the log and the database of governance; the migration goes on by itself afterwards',
  },
  Retry: {
    cause: 'a step failed for a reason that may pass, and is tried again',
    remedy: 'remove the cause that the message names; nothing else is needed',
  },
  Run: {
    cause: 'the next run of a CronJob, or the first pods of a workload that has none, are waited for and judged',
    remedy:
      'wait for the schedule, or start a run: `kubectl create job NAME --from=cronjob/NAME`; scale up a workload without pods',
  },
};

/** Why a migration was undone. */
export const UNDO_CAUSES: Record<UndoCause, CodeText> = {
  gate: {
    cause: 'a gate failed more often than it tolerates',
    remedy:
      'find out with `sccctl logs NAME` what the gate saw, repair the workload or the gate, then apply a new plan',
  },
  readiness: {
    cause: 'the canary, or a pod that moved, was not ready in time',
    remedy: 'look at the events and logs of its pods, or raise `gates.readiness.timeout`, then apply a new plan',
  },
  admission: {
    cause: 'the API server refused the pods of the migrated workload',
    remedy: 'change the template, `podSecurity.patch` or the target SCC, then apply a new plan',
  },
  rollout: {
    cause: 'the rollout of the workload under the target failed',
    remedy: 'look at the events and logs of its pods, then apply a new plan',
  },
  abort: { cause: 'an operator ended the migration', remedy: 'apply a new plan to try again' },
  rollback: { cause: 'an operator had the migration undone', remedy: 'apply a new plan to try again' },
  deleted: { cause: 'the plan was deleted while it ran', remedy: 'apply the plan again to start over' },
  error: {
    cause: 'a step failed for a reason that trying again does not help; the message names it',
    remedy: 'remove the cause, then apply a new plan',
  },
  lost: {
    cause: 'the workflow of the migration was terminated or lost in Temporal',
    remedy: 'find out who ended it in Temporal, then apply a new plan',
  },
  trial: {
    cause: 'the plan was a trial (`trial`), whose gates passed until its end',
    remedy: 'apply a new plan without `trial` to migrate',
  },
};

/** Reasons of the conditions in the status of a plan, beside the violations. */
export const CONDITION_REASONS = {
  WaitingForApproval: WAITS.Approval,
  AskedAgain: WAITS.Reapproval,
  OutsideWindow: WAITS.Window,
  RightLost: WAITS.Rights,
  EmergencyStop: WAITS.Stopped,
  NoAnswer: WAITS.Governance,
  Retrying: WAITS.Retry,
  AwaitingRun: WAITS.Run,
  Refused: {
    cause: 'the plan or its approval was refused, or governance refused to record what the workflow reported',
    remedy: 'read the message of the condition; then apply a new plan',
  },
  NoReceipts: {
    cause: 'the end of the migration is not covered by receipts of governance (`Untrusted`)',
    remedy: 'find out who wrote the history of the workflow, see docs/RUNBOOK.md; the plan stays where it was',
  },
  Reverted: {
    cause: 'another client took the change of the template back after the migration (`Drifted`)',
    remedy: 'bring the patch in `status.kustomizePatch` into the source of the workload; the message names the client',
  },
  StillCalled: {
    cause:
      'requests that no route divides reached the own pods of the workload until they were rolled (`StableSilent`)',
    remedy:
      "give the callers that the message names a proxy of the mesh, or end their sessions at OpenShift's routers; their requests saw a plain rollout, and `sccctl abort` takes the migration back while they are waited for",
  },
  UndoFailed: PHASE_TEXTS.Failed,
  WithDifferences: {
    cause: 'the migration was undone, and objects that others changed meanwhile were left as they are',
    remedy: 'compare the objects that the message names with what you expect',
  },
  Untrusted: {
    cause: 'the end of the migration is not covered by receipts of governance',
    remedy: 'find out who wrote the history of the workflow, see docs/RUNBOOK.md; the plan stays where it was',
  },
  Drifted: {
    cause: 'another client took the change of the template back after the migration',
    remedy: 'bring the patch in `status.kustomizePatch` into the source of the workload; the message names the client',
  },
} satisfies CodeTexts;

const nothing = (cause: string): CodeText => ({ cause, remedy: 'nothing is to be done' });

/** Reasons of conditions that say that something is as it should be. */
export const GOOD_REASONS = {
  Valid: nothing('every check passed and governance allows the migration'),
  Granted: nothing('the approvals that the plan needs are given'),
  InWindow: nothing('the migration may run now'),
  NoOtherPlan: nothing('no other plan migrates the workload'),
  RightsHeld: nothing('the author of the plan holds every right that it uses'),
  StopLifted: nothing('the emergency stop was lifted'),
  NoRunAwaited: nothing('no run of the CronJob is waited for any more'),
  Resumed: nothing('the wait is over and the migration goes on'),
  Answers: nothing('governance answers again'),
  Retried: nothing('the failed step is tried again'),
  Ready: nothing('the canary is ready under the target'),
  Removed: nothing('the canary was removed'),
  CountersStand: nothing(
    'no request reached the own pods of the workload, by their own counters, before they were rolled',
  ),
  ProxiesLeadAway: nothing('every proxy led away from the own pods of the workload before they were rolled'),
  RoutesLeadAway: nothing(
    'every route led away from the own pods of the workload before they were rolled, and was waited for',
  ),
  Verified: nothing('every pod of the workload was seen under the target'),
  Migrated: nothing('every pod runs under the target'),
  DryRun: nothing('the plan is a dry run and touches nothing'),
  Restored: nothing('every touched object is as it was, or the change that was taken back is there again'),
  Revoked: nothing('the source grant was revoked'),
  Kept: nothing('the source grant stays, and the message says why'),
  Completed: nothing('the migration is over: every pod runs under the target'),
} satisfies CodeTexts;

/** Failures of a step that end a migration, as the types of Temporal's failures name them. */
export const FAILURES = {
  GateFailed: UNDO_CAUSES.gate,
  NotReady: UNDO_CAUSES.readiness,
  AdmissionRefused: UNDO_CAUSES.admission,
  RolloutFailed: UNDO_CAUSES.rollout,
  WorkloadChanged: {
    cause: 'another client changed the template or the routes during the migration',
    remedy: 'let no other client change the workload meanwhile; the message names the client. Then apply a new plan',
  },
  StepNotAllowed: {
    cause: 'governance no longer allows a step: the approval, a policy, a right or the plan changed',
    remedy: 'read the reason in `sccctl logs NAME`, then apply a new plan',
  },
  PlanGone: { cause: 'the plan is no longer in the cluster', remedy: 'apply the plan again to start over' },
  WorkflowLost: UNDO_CAUSES.lost,
  Weather: WAITS.Retry,
} satisfies CodeTexts;
